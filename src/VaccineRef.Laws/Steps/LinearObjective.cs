using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Laws;

/// <summary>
/// L = sum over sites of &lt;c_l, e_l&gt;, with every e_l a parameter: linear in the embeddings, so that the
/// linearised loss is the loss. One row; no model.
/// </summary>
public sealed class LinearObjective<T> : IObjective<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Arena _memory;
    private readonly Parameter<T>[] _embeddings, _coefficients;
    private readonly Linear<T> _inner = new();
    private readonly Add<T> _add = new();

    /// <summary>Draws e_l and c_l, (1, columns) each.</summary>
    public LinearObjective(Device device, RandomStream random, int sites, int columns)
    {
        _memory = new Arena(device);
        Parameter<T> Make(string name)
        {
            var parameter = new Parameter<T>(name, _memory.Allocate<T>(Shape.Vector(columns)), [1, columns]);
            device.Run(new FillNormal<T>(random.At(name), 1), parameter.Value);
            return parameter;
        }

        _embeddings = [.. Enumerable.Range(0, sites).Select(i => Make($"e.{i}"))];
        _coefficients = [.. Enumerable.Range(0, sites).Select(i => Make($"c.{i}"))];
        foreach (var embedding in _embeddings)
            embedding.Train(_memory);
    }

    /// <inheritdoc/>
    public string Name => "linear";

    /// <summary>e_l, which are trained.</summary>
    public IReadOnlyList<Parameter<T>> Embeddings => _embeddings;

    /// <summary>c_l.</summary>
    public IReadOnlyList<Parameter<T>> Coefficients => _coefficients;

    /// <summary>What the tap made of every embedding in the last pass, site by site.</summary>
    public List<double[]> Moved { get; } = [];

    /// <summary>A batch of the one row that every embedding has.</summary>
    public static PackedBatch OneRow { get; } = PackedBatch.Pack([new TokenSequence([0], [0], "row")]);

    /// <inheritdoc/>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        var tape = pass.Tape;
        Tensor<T>? loss = null;
        Moved.Clear();
        for (int i = 0; i < _embeddings.Length; i++)
        {
            var hidden = pass.Tap.At(new(i, SiteKind.AttentionOutput), tape.Of(_embeddings[i]), pass);
            var moved = new T[hidden.Shape.Count];
            tape.Device.Download(hidden.Value, moved);
            Moved.Add([.. moved.Select(double.CreateChecked)]);
            var product = tape.Apply(_inner, [hidden, tape.Of(_coefficients[i])]);
            loss = loss is { } sum ? tape.Apply(_add, [sum, product]) : product;
        }

        return loss!.Value;
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();
}
