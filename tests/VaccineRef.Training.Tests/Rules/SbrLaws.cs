using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>SBR holds what enters the head at the ends of the prompts, and nothing else.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 8)]
public sealed class SbrLaws
{
    private const double Lambda = 4;

    // A forward pass of the same rows in another batch: some hundred roundings.
    private const double Tolerance = 1e-12;

    [Property]
    public void The_gradient_is_the_slope_of_the_loss_and_the_distance_of_the_anchors(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var state = new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = run.Streams };
        var rule = new Sbr<double>(new(Lambda));
        state.BeginStep();
        rule.Accumulate(run.Objective, run.Batch, state);
        double[] start = run.Weights, kept = Ends(run), plain = run.GradientOf(new Plain<double>());
        // at the start the term is 0, and so is its slope
        state.BeginStep();
        Assert.Equal(0, rule.Accumulate(run.Objective, run.Batch, state).Scalars!["anchor_distance"]);
        Assert.InRange(Numbers.Mix(1, plain, -1, run.Gradient).Largest(), 0, Tolerance * (1 + plain.Norm()));

        run.Weights = Numbers.Mix(1, start, 0.1, [.. start.Select((_, i) => tiny.Random.At("moved").Normal(i))]);
        state.BeginStep();
        var report = rule.Accumulate(run.Objective, run.Batch, state);
        double[] gradient = run.Gradient;
        double Distance() => Ends(run).Zip(kept, (now, before) => (now - before) * (now - before)).Average();
        Assert.Equal(Distance(), report.Scalars!["anchor_distance"], Tolerance * (1 + Distance()));
        Assert.Equal(kept.Length * sizeof(double), rule.StateBytes);
        Slopes.Require(run, gradient, () => run.Loss() + (Lambda * Distance()), 1 + (Lambda * Distance()));
    }

    /// <summary>What enters the head at the end of each prompt alone, without its answer.</summary>
    private static double[] Ends(TinyRun<double> run)
    {
        var anchors = run.Stream(StreamName.Harmful).First();
        var prompts = Enumerable.Range(0, anchors.Sequences).Select(i => (First: anchors.Offsets[i], Ends: anchors.CountedRows
            .Where(row => row >= anchors.Offsets[i] && row < anchors.Offsets[i + 1]))).Where(each => each.Ends.Any())
                .ToArray();
        using var tape = new Tape<double>(run.Device);
        return [.. prompts.SelectMany(prompt =>
        {
            int[] tokens = anchors.Tokens[prompt.First..(prompt.Ends.First() + 1)];
            var hidden = run.Network.Forward(new(tape, new NoTap<double>()), PackedBatch.Pack([tokens]));
            return TinyRun<double>.Values(hidden.Value.SliceRows(tokens.Length - 1, 1));
        })];
    }
}
