using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Two states that take turns, each pulled to where the other ended.</summary>
public sealed class LisaLaws
{
    // A few dozen products of doubles in another order.
    private const double Tolerance = 1e-11;

    private static readonly TinyModel Tiny = new(Family.Llama, true, 2, 1, 2, 4, 17, new(6, 5, 4), Seed: 21);

    /// <summary>
    /// The oracle keeps the weights at each switch by itself: K1 = 2 steps on the alignment data, K2 = 3 on the batch.
    /// </summary>
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.8)]
    public void Each_step_is_the_gradient_of_its_data_and_a_pull_to_where_the_other_state_ended(double rho)
    {
        const int Planned = 20;
        const double Free = 0.1;
        using TinyRun<double> run = new(Tiny), oracle = new(Tiny);
        using var rule = new Lisa<double>(new(rho, 2, 3, Free), run.Device);
        using var step = new TrainStep<double>(
            run.Model.Trainable, run.Objective, rule, new StepOptions(new AdamWOptions(0.05, MaxGradientNorm: 0)),
            run.Device, run.Streams);
        step.State.PlannedSteps = Planned;
        var stream = oracle.Stream(StreamName.Alignment);
        double[] alignment = run.Weights, task = alignment;
        for (int i = 0; i < Planned; i++)
        {
            bool aligning = i % 5 < 2;
            if (i > 0 && i % 5 == 0)
                task = run.Weights;
            if (i % 5 == 2)
                alignment = run.Weights;
            oracle.Weights = run.Weights;
            double[] expected = oracle.GradientOf(new Plain<double>(), aligning ? stream.Next() : null);
            double pull = i + 1 > Free * Planned ? rho : 0;
            expected = [.. expected.Zip(
                Numbers.Mix(1, run.Weights, -1, aligning ? task : alignment), (g, way) => g + (pull * way))];
            step.Run(run.Batch);
            double[] found = run.Gradient;
            Assert.Equal(aligning, rule.IsAligning);
            Assert.InRange(Numbers.Mix(1, expected, -1, found).Norm(), 0, Tolerance * (1 + expected.Norm()));
        }

        Assert.NotEqual(alignment, task);
        Assert.Equal(2 * sizeof(double) * alignment.Length, rule.StateBytes);
    }

    [Fact]
    public void Settings_out_of_range_are_errors() => Assert.All(
        (LisaOptions[])[new(-1), new(double.NaN), new(AlignmentSteps: -1), new(TaskSteps: 0), new(FreeShare: 1.1)],
        rule => Assert.StartsWith(
            "here.", Assert.Throws<InputException>(() => rule.Validate("here")).Where, StringComparison.Ordinal));
}
