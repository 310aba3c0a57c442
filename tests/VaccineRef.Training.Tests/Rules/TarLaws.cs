using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Training.Tests.Training;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// TAR's gradient is the sum that it stands for, along an adversary's way that is taken by hand; and the entropy is its
/// definition.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 8)]
public sealed class TarLaws
{
    // Some steps of AdamW with equal gradients, and sums of some hundred products.
    private const double Tolerance = 1e-9;

    [Property]
    public void The_gradient_is_the_sum_along_the_adversary_s_way(TinyModel tiny, byte steps, byte every)
    {
        const double Weight = 0.7, Rate = 1e-3, Growth = 0.3;
        int count = 1 + (steps % 4), period = 1 + (every % 3);
        using var run = new TinyRun<double>(tiny);
        using var rule = new Tar<double>(new(Weight, count, period, Growth, [Rate]), run.Device);
        double[] weights = run.Weights, expected = run.GradientOf(new Plain<double>());
        var report = run.Step(rule);
        double[] found = run.Gradient;
        Assert.Equal(weights, run.Weights);

        var stream = run.Stream(StreamName.Harmful);
        var heldOut = stream.Next();
        var adversary = new AdamWOracle(new AdamWOptions());
        double entropy = 0;
        for (int step = 1; step <= count; step++)
        {
            adversary.Step(weights, run.GradientOf(new Plain<double>(), stream.Next()), Rate, 0.01, step);
            run.Weights = weights;
            if (step % period != 0)
                continue;
            entropy = -run.Step(new Plain<double>(), heldOut, run.Objective.Entropy).Loss;
            expected = Numbers.Mix(1, expected, Weight * Math.Exp(Growth * (step - count)), run.Gradient);
        }

        Assert.InRange(Numbers.Mix(1, expected, -1, found).Norm(), 0, Tolerance * (1 + expected.Norm()));
        Assert.Equal(entropy, report.Scalars!["attacked_entropy"], Tolerance);
        Assert.Equal(5 * sizeof(double) * weights.Length, rule.StateBytes);
    }

    [Property]
    public void The_entropy_is_its_definition_and_its_gradient_the_slope(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        double Entropy()
        {
            using var tape = new Tape<double>(run.Device);
            var hidden = run.Network.Forward(new(tape, new NoTap<double>()), run.Batch);
            return Enumerable.Range(0, run.Batch.Rows).Average(row =>
            {
                double[] h = hidden.Value.Row(row).ToArray();
                double[] powers = [.. Enumerable.Range(0, tiny.Vocabulary)
                    .Select(v => Math.Exp(h.Dot(run.Network.Head.Value.Row(v).ToArray())))];
                return powers.Sum(power => power / powers.Sum() * Math.Log(power / powers.Sum()));
            });
        }

        var report = run.Step(new Plain<double>(), objective: run.Objective.Entropy);
        Assert.Equal(Entropy(), report.Loss, Tolerance);
        Assert.InRange(report.Loss, -Math.Log(tiny.Vocabulary) - Tolerance, 0);
        Slopes.Require(run, run.Gradient, Entropy);
    }

    [Fact]
    public void Settings_out_of_range_are_errors() => Assert.All(
        (TarOptions[])[new(-1), new(Steps: 0), new(Every: 0), new(Growth: double.NaN), new(Rates: []),
            new(Rates: [-1])],
        options => Assert.StartsWith(
            "here.", Assert.Throws<InputException>(() => options.Validate("here")).Where, StringComparison.Ordinal));
}
