using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>RepNoise's gradient is the slope of what it stands for, with the widths of the kernels held.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 4)]
public sealed class RepNoiseLaws
{
    // Exponentials of distances that are sums of some hundred squares.
    private const double Tolerance = 1e-11;

    [Property]
    public void The_gradient_is_the_slope_of_the_loss_the_logarithm_and_the_discrepancy(TinyModel tiny, bool noiseAlone)
    {
        double alpha = noiseAlone ? 0 : 0.7, beta = 3;
        using var run = new TinyRun<double>(tiny, noise: 0.4);
        var harmful = run.Stream(StreamName.Harmful).Next();
        using var state = new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = run.Streams };
        state.BeginStep();
        var report = new RepNoise<double>(new(alpha, beta)).Accumulate(run.Objective, run.Batch, state);
        double[] gradient = run.Gradient;
        Texts[] noise = [.. Enumerable.Range(0, tiny.Layers).Select(layer =>
        {
            double[][] drawn = NoiseDiscrepancy.Noise(
                harmful, tiny.Hidden, state.Draws("representation noise").At(0).At(layer));
            return new Texts(harmful, (row, c) => drawn[row][c], tiny.Hidden);
        })];
        var start = Inside(run, harmful);
        double[] widths = [.. start.Outputs.Zip(noise, Texts.Width)];
        double Discrepancy((double Layers, Texts[] Outputs) at) =>
            Enumerable.Range(0, tiny.Layers).Average(i => at.Outputs[i].Discrepancy(noise[i], widths[i]));
        double Value() => Inside(run, harmful) is var at
            ? run.Loss() - (alpha * Math.Log(1 + at.Layers)) + (beta * Discrepancy(at))
            : 0;
        Assert.Equal(start.Layers, report.Scalars!["harmful_loss"], Tolerance * (1 + start.Layers));
        Assert.Equal(Discrepancy(start), report.Scalars["noise_discrepancy"], Tolerance);
        Slopes.Require(run, gradient, Value, 1 + (10 * beta));
    }

    [Fact]
    public void It_looks_at_nothing_harmful_where_both_weights_are_0() =>
        Assert.Equal(
            (new PassCount(1, 1), new PassCount(2, 2)),
            (new RepNoiseOptions(0, 0).Passes(), new RepNoiseOptions(0, 1).Passes()));

    /// <summary>The mean loss of the layers, and the outputs of the feed-forward networks.</summary>
    private static (double Layers, Texts[] Outputs) Inside(TinyRun<double> run, PackedBatch batch)
    {
        var record = new Record<double>(SiteKind.MlpOutput);
        double layers = run.Objective.Layerwise.Loss(new(run.State.Tape, record), batch).Value.Span[0];
        Texts[] outputs = [.. record.Hidden.ToArray().Select(
            hidden => new Texts(batch, (row, c) => hidden.Value.Row(row)[c], hidden.Shape.Columns))];
        run.State.Tape.Clear();
        return (layers, outputs);
    }

    /// <summary>
    /// Texts as vectors of one length: what stands at the answers' tokens that predict another, and 0 everywhere else.
    /// </summary>
    private sealed class Texts
    {
        private static readonly int[] Widths = [1, 2, 4, 8, 16];

        private readonly double[][] _vectors;

        public Texts(PackedBatch batch, Func<int, int, double> of, int columns)
        {
            int longest = Enumerable.Range(0, batch.Sequences).Max(i => batch.Offsets[i + 1] - batch.Offsets[i]);
            bool Counts(int text, int row) => row > batch.Offsets[text] && batch.Targets[row - 1] != PackedBatch.Ignored
                && batch.Targets[row] != PackedBatch.Ignored;
            _vectors = [.. Enumerable.Range(0, batch.Sequences).Select(text => Enumerable.Range(0, longest * columns).Select(at =>
            {
                int row = batch.Offsets[text] + (at / columns);
                return row < batch.Offsets[text + 1] && Counts(text, row) ? of(row, at % columns) : 0;
            }).ToArray())];
        }

        public static double Width(Texts x, Texts z)
        {
            double[][] all = [.. x._vectors, .. z._vectors];
            return all.Sum(u => all.Sum(v => Distance(u, v))) / all.Length / (all.Length - 1) / 4;
        }

        public double Discrepancy(Texts noise, double width)
        {
            double Mean(double[][] us, double[][] vs) => us.Average(u => vs.Average(v =>
                Widths.Sum(times => width == 0 ? 0 : Math.Exp(-Distance(u, v) / (times * width)))));
            return Mean(_vectors, _vectors) + Mean(noise._vectors, noise._vectors)
                - (2 * Mean(_vectors, noise._vectors));
        }

        private static double Distance(double[] u, double[] v) => u.Zip(v, (a, b) => (a - b) * (a - b)).Sum();
    }
}
