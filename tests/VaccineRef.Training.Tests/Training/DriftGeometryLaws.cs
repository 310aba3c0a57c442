using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Training;

/// <summary>In which directions hidden embeddings drift, against the definitions.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 15)]
public sealed class DriftGeometryLaws
{
    // Sums of at most some thousand doubles in another order, divided by sums of the same size.
    private const double ReorderTolerance = 1e-10;

    [Property(MaxTest = 5)]
    public void What_has_not_moved_has_no_direction(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var meter = new DriftGeometryMeter<double>(run.Network, [run.Batch], run.Device);
        var measured = meter.Measure();
        Assert.Null(measured.Cosine);
        Assert.Null(measured.MeanRank());
        Assert.All([.. measured.EffectiveRank, .. measured.CosinePerLayer], Assert.Null);
    }

    /// <summary>
    /// The loss of a model whose embeddings are moved by t D has the slope &lt;D, g&gt; at t = 0, so that the cosine is
    /// measured without any gradient of ours but for its length.
    /// </summary>
    [Property]
    public void The_cosine_is_the_slope_of_the_alignment_loss_along_the_drift(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var meter = new DriftGeometryMeter<double>(run.Network, [run.Batch], run.Device);
        double[][] before = Hidden(run), slopes = run.SiteGradients(null, SiteKind.AttentionOutput);
        double[] weights = run.Weights;
        Disturb(run);
        double[][] drift = [.. Hidden(run).Zip(before, (after, from) => Numbers.Mix(1, after, -1, from))];
        var measured = meter.Measure();
        run.Weights = weights;

        double length = Norm(drift) * Norm(slopes);
        double slope = Numbers.Slope(t => run.Loss(new Move(drift, t / Norm(drift))));
        Assert.Equal(measured.Cosine!.Value, slope / Norm(slopes), Numbers.SlopeTolerance * (1 + (1 / Norm(slopes))));
        for (int layer = 0; layer < tiny.Layers; layer++)
            Assert.Equal(
                drift[layer].Dot(slopes[layer]) / (drift[layer].Norm() * slopes[layer].Norm()),
                measured.CosinePerLayer[layer] ?? double.NaN, ReorderTolerance);
        Assert.Equal(drift.Zip(slopes, (d, g) => d.Dot(g)).Sum() / length, measured.Cosine.Value, ReorderTolerance);
    }

    [Property]
    public void How_the_data_is_cut_into_batches_does_not_matter(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var whole = new DriftGeometryMeter<double>(run.Network, [run.Batch], run.Device);
        using var parts = new DriftGeometryMeter<double>(
            run.Network, tiny.Sequences.Select(sequence => PackedBatch.Pack([sequence])), run.Device);
        Disturb(run);
        var (first, second) = (whole.Measure(), parts.Measure());
        Assert.Equal(first.Cosine!.Value, second.Cosine!.Value, ReorderTolerance);
        foreach (var (one, other) in first.EffectiveRank.Zip(second.EffectiveRank))
            Assert.Equal(one!.Value, other!.Value, ReorderTolerance * one.Value);
    }

    /// <summary>
    /// Directions of equal length count as what they are; a turn, a factor and repeated rows change nothing.
    /// </summary>
    [Property]
    public void The_effective_rank_counts_directions(byte among, byte of, int seed)
    {
        int columns = 1 + (of % 12), rank = 1 + (among % columns);
        var random = RandomStream.FromSeed((ulong)seed);
        double[][] turned = Rotations(columns, random);
        double[] rows = [.. turned.Take(rank).Concat(turned.Take(rank))
            .SelectMany(row => row.Select(value => 3.5 * value))];
        Assert.Equal(rank, DriftGeometryMeter<double>.Rank([rows], columns)!.Value, ReorderTolerance * rank);
        double[] any = [.. Enumerable.Range(0, 5 * columns).Select(i => random.Normal(i))];
        double measured = DriftGeometryMeter<double>.Rank([any[..columns], any[columns..]], columns)!.Value;
        Assert.InRange(measured, 1 - ReorderTolerance, Math.Min(columns, 5) + ReorderTolerance);
    }

    private static void Disturb(TinyRun<double> run) =>
        run.Weights = [.. run.Weights.Select((value, i) => value + (0.1 * run.Tiny.Random.At("drift").Normal(i)))];

    private static double Norm(double[][] parts) => Math.Sqrt(parts.Sum(part => part.Dot(part)));

    /// <summary>An orthonormal basis: random rows, each less its part along those before it.</summary>
    private static double[][] Rotations(int size, RandomStream random)
    {
        var basis = new List<double[]>();
        for (int i = 0; i < size; i++)
        {
            double[] row = [.. Enumerable.Range(0, size).Select(j => random.At(i).Normal(j))];
            for (int again = 0; again < 2; again++)
                foreach (double[] before in basis)
                    row = Numbers.Mix(1, row, -row.Dot(before), before);
            basis.Add([.. row.Select(value => value / row.Norm())]);
        }

        return [.. basis];
    }

    private static double[][] Hidden(TinyRun<double> run)
    {
        var record = new Record<double>(SiteKind.AttentionOutput);
        run.Network.Forward(new Pass<double>(run.State.Tape, record), run.Batch);
        double[][] values = new double[record.Hidden.Length][];
        for (int layer = 0; layer < values.Length; layer++)
            values[layer] = TinyRun<double>.Values(record.Hidden[layer].Value);
        run.State.Tape.Clear();
        return values;
    }
}
