using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace VaccineRef.Training;

/// <summary>
/// In which directions the hidden embeddings of the alignment data moved, D = e' - e, and how that lies to g = df/de,
/// the direction in which the alignment loss rises fastest: Vaccine's perturbation but for its length. Tokens are rows,
/// and all of them count.
/// </summary>
/// <param name="EffectiveRank">
/// For each layer, in how many directions the tokens moved: (sum of s_i^2)^2 / sum of s_i^4 over the singular values s
/// of D. It lies between 1 and the width of the model. Null where nothing moved.
/// </param>
/// <param name="Cosine">
/// &lt;D, g&gt; / (||D|| ||g||), all layers together, from -1 to 1. Where it is 1 the attack moved the embeddings as
/// Vaccine's perturbation does; where it is 0, across it. Null where nothing moved or the loss has no slope.
/// </param>
/// <param name="CosinePerLayer">The same for each layer alone.</param>
public sealed record DriftGeometry(
    IReadOnlyList<double?> EffectiveRank, double? Cosine, IReadOnlyList<double?> CosinePerLayer)
{
    /// <summary>The mean of <see cref="EffectiveRank"/> over the layers that moved; null where none did.</summary>
    public double? MeanRank() => EffectiveRank.Average();
}

/// <summary>
/// Remembers the attention outputs of the aligned model and the slope of the alignment loss in them, and measures the
/// geometry of the drift to a later state of the model. It holds two copies of the embeddings of all tokens, and while
/// it measures 8 C^2 bytes, where C is the width of the model.
/// </summary>
public sealed class DriftGeometryMeter<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ILanguageModel<T> _model;
    private readonly Device _device;
    private readonly Tape<T> _tape;
    private readonly List<(PackedBatch Batch, double[][] Hidden, double[][] Slope)> _batches = [];

    /// <summary>Remembers the model in its present state.</summary>
    /// <param name="model">The model, in which nothing needs to be trainable.</param>
    /// <param name="batches">Alignment data with labels.</param>
    /// <param name="device">Where the model lives.</param>
    public DriftGeometryMeter(ILanguageModel<T> model, IEnumerable<PackedBatch> batches, Device device)
    {
        (_model, _device, _tape) = (model, device, new Tape<T>(device));
        var objective = new CrossEntropyObjective<T>(model);
        foreach (var batch in batches)
        {
            var record = new Record<T>(SiteKind.AttentionOutput) { ForGradients = true };
            var loss = objective.Loss(new Pass<T>(_tape, record), batch);
            Tensor<T>[] sites = [.. record.Hidden];
            var gradients = _tape.Backward(loss, sites);
            // the slope of the mean loss over the tokens of all batches, but for a factor that they share
            double[][] slope = [.. sites.Select(site => Read(gradients[site], batch.Counted))];
            _tape.Clear();
            _batches.Add((batch, Hidden(batch), slope));
        }
    }

    /// <summary>Compares the present state of the model with the remembered one.</summary>
    public DriftGeometry Measure()
    {
        int layers = _batches[0].Hidden.Length;
        double[][][] moved =
        [
            .. _batches.Select(each => (double[][])[.. Hidden(each.Batch).Zip(each.Hidden, Difference)]),
        ];
        var products = new (double Both, double Drift, double Slope)[layers];
        for (int layer = 0; layer < layers; layer++)
            foreach (var (drift, (_, _, slope)) in moved.Zip(_batches))
                products[layer] = Sum(products[layer], Products(drift[layer], slope[layer]));
        int width = _model.Shape.Hidden;
        return new(
            [.. Enumerable.Range(0, layers).Select(layer => Rank(moved.Select(drift => drift[layer]), width))],
            Cosine(products.Aggregate(Sum)), [.. products.Select(Cosine)]);
    }

    /// <inheritdoc/>
    public void Dispose() => _tape.Dispose();

    /// <summary>The effective rank of a matrix that is given in blocks of rows; null if it is zero.</summary>
    /// <param name="blocks">Rows of a number of columns each, one behind the other.</param>
    /// <param name="columns">Their number of columns.</param>
    internal static double? Rank(IEnumerable<double[]> blocks, int columns)
    {
        // D^T D, whose eigenvalues are the squares of D's singular values
        var moments = new double[columns * columns];
        foreach (double[] block in blocks)
            for (int row = 0; row < block.Length; row += columns)
                for (int i = 0; i < columns; i++)
                    TensorPrimitives.MultiplyAdd(
                        block.AsSpan(row, columns), block[row + i], moments.AsSpan(i * columns, columns),
                        moments.AsSpan(i * columns, columns));
        double trace = 0, squares = 0;
        for (int i = 0; i < columns; i++)
            trace += moments[i * (columns + 1)];
        foreach (double moment in moments)
            squares += moment * moment;
        return squares > 0 ? trace * trace / squares : null;
    }

    private static double? Cosine((double Both, double Drift, double Slope) of) =>
        of.Drift > 0 && of.Slope > 0 ? of.Both / (Math.Sqrt(of.Drift) * Math.Sqrt(of.Slope)) : null;

    private static (double Both, double Drift, double Slope) Sum(
        (double Both, double Drift, double Slope) a, (double Both, double Drift, double Slope) b) =>
        (a.Both + b.Both, a.Drift + b.Drift, a.Slope + b.Slope);

    private static (double Both, double Drift, double Slope) Products(double[] drift, double[] slope)
    {
        var sums = (Both: 0.0, Drift: 0.0, Slope: 0.0);
        for (int i = 0; i < drift.Length; i++)
            sums = Sum(sums, (drift[i] * slope[i], drift[i] * drift[i], slope[i] * slope[i]));
        return sums;
    }

    /// <summary>
    /// The attention outputs of all tokens; the pass of a loss leaves out those that its last block does not need.
    /// </summary>
    private double[][] Hidden(PackedBatch batch)
    {
        var record = new Record<T>(SiteKind.AttentionOutput);
        _model.Forward(new Pass<T>(_tape, record), batch);
        Tensor<T>[] hidden = [.. record.Hidden];
        double[][] values = [.. hidden.Select(each => Read(each.Value, 1))];
        _tape.Clear();
        return values;
    }

    private static double[] Difference(double[] after, double[] before)
    {
        for (int i = 0; i < after.Length; i++)
            after[i] -= before[i];
        return after;
    }

    private double[] Read(View<T> view, double factor)
    {
        var values = new T[view.Shape.Count];
        _device.Download(view, values.AsSpan());
        return [.. values.Select(value => factor * double.CreateChecked(value))];
    }
}
