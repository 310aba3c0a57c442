using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>How far the hidden embeddings of the same tokens have moved between two states of a model.</summary>
/// <param name="PerToken">The L2 norm of a token's change in all layers together, averaged over the tokens.</param>
/// <param name="PerLayer">For each layer, the L2 norm of a token's change in it, averaged over the tokens.</param>
/// <param name="Released">
/// The squared Frobenius norm of the change, summed over batches and layers, as the released code computes it (see
/// docs/deviations.md, D14).
/// </param>
/// <param name="ReferencePerToken">
/// The norm of a token's embeddings in the reference, averaged over the tokens. <paramref name="PerToken"/> is large or
/// small compared with it.
/// </param>
/// <param name="Tokens">Number of tokens measured.</param>
public sealed record Drift(
    double PerToken, IReadOnlyList<double> PerLayer, double Released, double ReferencePerToken, long Tokens)
{
    /// <summary>The terms of <see cref="Released"/>, by batch and layer; left out of reports.</summary>
    [JsonIgnore]
    public IReadOnlyList<IReadOnlyList<double>> ReleasedPerBatch { get; init; } = [];
}

/// <summary>
/// Harmful embedding drift (HED), which according to the paper is what breaks alignment. Remembers the attention
/// outputs of the aligned model for some batches and measures how far those of a later state of the model are from
/// them.
/// </summary>
public sealed class EmbeddingDrift<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ILanguageModel<T> _model;
    private readonly Device _device;
    private readonly Arena _memory;
    private readonly Tape<T> _tape;
    private readonly List<(PackedBatch Batch, View<T>[] Reference)> _batches = [];
    private readonly SquaredDistance<T> _distance = new();
    private readonly double _scale;          // sum over tokens of the reference's own norm

    /// <summary>Remembers the hidden embeddings of the model in its present state.</summary>
    public EmbeddingDrift(ILanguageModel<T> model, IEnumerable<PackedBatch> batches, Device device)
    {
        (_model, _device) = (model, device);
        _memory = new Arena(device);
        _tape = new Tape<T>(device);
        foreach (var batch in batches)
        {
            var hidden = Forward(batch);
            var reference = new View<T>[hidden.Length];
            for (int layer = 0; layer < reference.Length; layer++)
            {
                reference[layer] = _memory.Allocate<T>(hidden[layer].Shape);
                device.Copy(hidden[layer].Value, reference[layer]);
            }

            _batches.Add((batch, reference));
            _scale += PerRow(SquaredDistances([], reference, origin: true), batch.Rows);
            _tape.Clear();
        }
    }

    /// <summary>Compares the present state of the model with the remembered one.</summary>
    public Drift Measure()
    {
        int layers = _batches[0].Reference.Length;
        double perToken = 0, released = 0;
        long tokens = 0;
        var perLayer = new double[layers];
        var terms = new List<IReadOnlyList<double>>();
        foreach (var (batch, reference) in _batches)
        {
            double[][] moved = SquaredDistances(Forward(batch), reference, origin: false);
            _tape.Clear();
            tokens += batch.Rows;
            double[] perBatch = [.. moved.Select(layer => layer.Sum())];
            terms.Add(perBatch);
            released += perBatch.Sum();
            for (int layer = 0; layer < layers; layer++)
                perLayer[layer] += moved[layer].Sum(Math.Sqrt);
            perToken += PerRow(moved, batch.Rows);
        }

        return new(perToken / tokens, [.. perLayer.Select(sum => sum / tokens)], released, _scale / tokens, tokens)
        {
            ReleasedPerBatch = terms,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tape.Dispose();
        _memory.Dispose();
    }

    private Tensor<T>[] Forward(PackedBatch batch)
    {
        var record = new Record<T>(SiteKind.AttentionOutput);
        _model.Forward(new Pass<T>(_tape, record), batch);
        return record.Hidden.ToArray();
    }

    /// <summary>The norm of each row over all layers together, summed over the rows.</summary>
    private static double PerRow(double[][] squared, int rows) =>
        Enumerable.Range(0, rows).Sum(row => Math.Sqrt(squared.Sum(layer => layer[row])));

    /// <summary>
    /// [layer][row] of ||hidden - reference||^2, or of ||reference||^2 if <paramref name="origin"/> is set.
    /// </summary>
    private double[][] SquaredDistances(Tensor<T>[] hidden, View<T>[] reference, bool origin)
    {
        var distances = new double[reference.Length][];
        for (int layer = 0; layer < reference.Length; layer++)
        {
            var from = _tape.Constant(reference[layer]);
            var to = origin ? _tape.Zeros(from.Shape) : hidden[layer];
            var rows = new T[from.Shape.Rows];
            _device.Download(_tape.Apply(_distance, [from, to]).Value, rows.AsSpan());
            distances[layer] = [.. rows.Select(double.CreateChecked)];
        }

        return distances;
    }
}
