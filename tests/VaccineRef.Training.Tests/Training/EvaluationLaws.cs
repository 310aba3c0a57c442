using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Training.Tests.Rules;

namespace VaccineRef.Training.Tests.Training;

/// <summary>Harmful embedding drift and alignment loss, against their definitions.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 15)]
public sealed class EvaluationLaws
{
    // Sums of at most some thousand doubles in another order, and a loss computed in other batches.
    private const double ReorderTolerance = 1e-11;

    [Property]
    public void Nothing_changed_is_no_drift(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var drift = new EmbeddingDrift<double>(run.Network, Batches(tiny), run.Device);
        var measured = drift.Measure();
        Assert.Equal((0, 0), (measured.PerToken, measured.Released));
        Assert.All(measured.PerLayer, layer => Assert.Equal(0, layer));
        Assert.True(measured.ReferencePerToken > 0);
        Assert.Equal(run.Batch.Rows, measured.Tokens);
    }

    [Property]
    public void Drift_is_its_definition_and_the_released_sum_that_of_its_terms(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        var batches = Batches(tiny);
        using var drift = new EmbeddingDrift<double>(run.Network, batches, run.Device);
        double[][][] before = [.. batches.Select(batch => Hidden(run, batch))];
        double[] weights = run.Weights;
        run.Weights = [.. weights.Select((value, i) => value + (0.1 * tiny.Random.At("drift").Normal(i)))];
        double[][][] after = [.. batches.Select(batch => Hidden(run, batch))];

        var measured = drift.Measure();
        double perToken = 0, released = 0;
        double[] perLayer = new double[tiny.Layers];
        for (int b = 0; b < batches.Count; b++)
        {
            var change = before[b].Zip(after[b], (x, y) => Numbers.Mix(1, y, -1, x)).ToArray();
            for (int layer = 0; layer < tiny.Layers; layer++)
                Assert.Equal(change[layer].Dot(change[layer]), measured.ReleasedPerBatch[b][layer], ReorderTolerance);
            int columns = change[0].Length / batches[b].Rows;
            released += change.Sum(layer => layer.Dot(layer));
            for (int row = 0; row < batches[b].Rows; row++)
                for (int layer = 0; layer < tiny.Layers; layer++)
                    perLayer[layer] += change[layer][(row * columns)..((row + 1) * columns)].Norm();
            for (int row = 0; row < batches[b].Rows; row++)
                perToken += PerturbationLaws.Flat([.. change.Select(layer => layer[(row * columns)..((row + 1) * columns)])]).Norm();
        }

        Assert.True(measured.Released > 0);
        Assert.Equal(released, measured.Released, ReorderTolerance * (1 + released));
        Assert.Equal(
            measured.ReleasedPerBatch.Sum(batch => batch.Sum()), measured.Released, ReorderTolerance * (1 + released));
        Assert.Equal(perToken / measured.Tokens, measured.PerToken, ReorderTolerance * (1 + perToken));
        Assert.All(
            perLayer.Zip(measured.PerLayer),
            pair => Assert.Equal(pair.First / measured.Tokens, pair.Second, ReorderTolerance * (1 + perToken)));
        // Triangle: a token's change over all layers is at most the sum of its changes, at least the largest of them.
        Assert.InRange(
            measured.PerToken, measured.PerLayer.Max() - ReorderTolerance, measured.PerLayer.Sum() + ReorderTolerance);
    }

    /// <summary>
    /// -log p summed over all counted tokens and divided once: how the data is cut into batches, or into answers that
    /// are read, does not matter.
    /// </summary>
    [Property]
    public void Alignment_loss_is_the_token_weighted_mean(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        double sum = 0;
        foreach (var sequence in tiny.Sequences)
        {
            var alone = PackedBatch.Pack([sequence]);
            sum += run.Loss(batch: alone) * alone.Counted;
        }

        for (int size = 1; size <= tiny.Sequences.Count; size++)
            Assert.Equal(
                sum / run.Batch.Counted, AlignmentLoss.Of(run.Objective, tiny.Sequences, run.Device, size),
                ReorderTolerance * (1 + sum));
        Assert.Equal(
            sum / run.Batch.Counted, TeacherForcing.Loss(TeacherForcing.Read(run.Network, tiny.Sequences, run.Device)),
            ReorderTolerance * (1 + sum));
    }

    [Property(MaxTest = 3)]
    public void The_loss_of_nothing_is_an_error(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        var masked = tiny.Sequences[0] with { Labels = [.. tiny.Sequences[0].Labels.Select(_ => PackedBatch.Ignored)] };
        Assert.Throws<InputException>(() => AlignmentLoss.Of(run.Objective, [masked], run.Device));
    }

    [Property(MaxTest = 3)]
    public void Whoever_stops_is_obeyed_after_the_batch_under_way(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var source = new CancellationTokenSource();
        var stopping = new Stopping(run.Objective, source);
        TokenSequence[] twice = [.. tiny.Sequences, .. tiny.Sequences];
        Assert.Throws<OperationCanceledException>(
            () => AlignmentLoss.Of(stopping, twice, run.Device, 1, cancel: source.Token));
        Assert.Equal(1, stopping.Asked);
        Assert.Throws<OperationCanceledException>(
            () => TeacherForcing.Read(run.Network, twice, run.Device, cancel: source.Token));
    }

    /// <summary>An objective whose first loss is the last one that is wanted.</summary>
    private sealed class Stopping(IObjective<double> inner, CancellationTokenSource source) : IObjective<double>
    {
        public int Asked { get; private set; }

        public string Name => inner.Name;

        public Tensor<double> Loss(Pass<double> pass, PackedBatch batch)
        {
            Asked++;
            source.Cancel();
            return inner.Loss(pass, batch);
        }
    }

    private static List<PackedBatch> Batches(TinyModel tiny) =>
        [.. tiny.Sequences.Chunk(2).Select(chunk => PackedBatch.Pack(chunk))];

    private static double[][] Hidden(TinyRun<double> run, PackedBatch batch)
    {
        var record = new Record<double>(SiteKind.AttentionOutput);
        run.Network.Forward(new Pass<double>(run.State.Tape, record), batch);
        double[][] values = new double[record.Hidden.Length][];
        for (int layer = 0; layer < values.Length; layer++)
            values[layer] = TinyRun<double>.Values(record.Hidden[layer].Value);
        run.State.Tape.Clear();
        return values;
    }
}
