using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// Surgery's statistic is the attention to the first token by definition, and its gradient is the slope of what it
/// stands for.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 8)]
public sealed class SurgeryLaws
{
    // Softmax over a few doubles, and their mean.
    private const double Tolerance = 1e-13;

    [Property(MaxTest = 40)]
    public void A_sink_is_the_mean_attention_to_the_first_token(ulong seed, byte lengths, byte groups, byte sizes)
    {
        int group = 1 + (groups % 3), keyHeads = 1 + (groups / 3 % 2), heads = group * keyHeads, size = 1 + (sizes % 4);
        int[] counts = [2 + (lengths % 5), 1, 1 + (lengths / 5 % 4)];
        var random = RandomStream.FromSeed(seed);
        var batch = PackedBatch.Pack([.. counts.Select(count => new int[count])]);
        using var device = new CpuDevice(1);
        using var tape = new Tape<double>(device);
        Tensor<double> Draw(string name, int columns)
        {
            var drawn = tape.Zeros(new(batch.Rows, columns));
            for (int i = 0; i < drawn.Value.Span.Length; i++)
                drawn.Value.Span[i] = random.At(name).Normal(i);
            return drawn;
        }

        Tensor<double> q = Draw("q", heads * size), k = Draw("k", keyHeads * size);
        var sinks = new AttentionSinks<double>(batch);
        sinks.Attended(0, new CausalAttention<double>(heads, keyHeads, size), q, k, batch.Offsets, new(tape, sinks));
        double[] found = TinyRun<double>.Values(sinks.Sinks[0].Value);
        for (int head = 0; head < heads; head++)
        {
            double Score(int i, int j) => Enumerable.Range(0, size).Sum(c =>
                q.Value.Row(i)[(head * size) + c] * k.Value.Row(j)[(head / group * size) + c]) / Math.Sqrt(size);
            double Text(int first, int count) => Enumerable.Range(first + 1, count - 1).Average(i =>
                Math.Exp(Score(i, first)) / Enumerable.Range(first, i - first + 1).Sum(j => Math.Exp(Score(i, j))));
            double expected = counts.Index().Where(each => each.Item > 1)
                .Average(each => Text(batch.Offsets[each.Index], each.Item));
            Assert.Equal(expected, found[head * size], Tolerance);
            Assert.All(Enumerable.Range(1, size - 1), column => Assert.Equal(0, found[(head * size) + column]));
        }
    }

    [Property]
    public void The_gradient_is_the_slope_of_the_loss_and_the_divergence(TinyModel tiny)
    {
        const double Alpha = 5;
        using var run = new TinyRun<double>(tiny, noise: 0.5);
        (RuleReport Report, double[] Gradient) Step()
        {
            using var state =
                new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = run.Streams };
            state.BeginStep();
            return (new Surgery<double>(new(Alpha)).Accumulate(run.Objective, run.Batch, state), run.Gradient);
        }

        var (report, gradient) = Step();
        Assert.Equal(Mean(run), report.Scalars!["sink_divergence"], Tolerance);
        Slopes.Require(
            run, gradient, () => Step().Report is var at ? at.Loss + (Alpha * at.Scalars!["sink_divergence"]) : 0,
            1 + Alpha);
    }

    /// <summary>The mean over layers and heads of what the harmful texts have more, head by head.</summary>
    private static double Mean(TinyRun<double> run)
    {
        double[][] Sinks(string stream)
        {
            var texts = run.Stream(stream).Next();
            var sinks = new AttentionSinks<double>(texts);
            using var tape = new Tape<double>(run.Device);
            run.Network.Forward(new(tape, sinks), texts);
            return [.. sinks.Sinks.Select(all => Enumerable.Range(0, all.Shape.Columns / sinks.HeadSize)
                .Select(head => all.Value.Span[head * sinks.HeadSize]).ToArray())];
        }

        return Sinks(StreamName.Harmful).Zip(Sinks(StreamName.Alignment), (harmful, safe) =>
            harmful.Zip(safe, (more, less) => Math.Max(0, more - less)).Average()).Average();
    }

    /// <summary>
    /// Where harmful and safe texts are the same, or where the sinks of the safe ones are the greater, nothing is
    /// added.
    /// </summary>
    [Property]
    public void Divergences_of_two_streams_the_one_way_and_the_other_are_not_the_same(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny, noise: 0.5);
        double At(string harmful, string safe)
        {
            var streams = new Dictionary<string, BatchStream> { [StreamName.Harmful] = run.Stream(harmful), [StreamName.Alignment] = run.Stream(safe) };
            using var state = new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = streams };
            state.BeginStep();
            return new Surgery<double>(new(1)).Accumulate(run.Objective, run.Batch, state).Scalars!["sink_divergence"];
        }

        Assert.Equal(0, At("one", "one"));
        // max(0, a - b) - max(0, b - a) = a - b, which adds up around a circle
        double Signed(string first, string second) => At(first, second) - At(second, first);
        Assert.Equal(Signed("one", "three"), Signed("one", "two") + Signed("two", "three"), Tolerance);
    }
}
