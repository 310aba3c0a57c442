using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace VaccineRef.Experiments.Edits;

/// <summary>The sums of x x' over what goes into each linear layer of a model, in double on the host.</summary>
internal sealed class InputProducts<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ILanguageModel<T> _model;
    private readonly Tape<T> _tape;
    private readonly Dictionary<LinearLayer<T>, double[][]> _sums = [];

    /// <summary>Begins to listen; a model has one listener at a time.</summary>
    public InputProducts(ILanguageModel<T> model, Device device)
    {
        (_model, _tape) = (model, new(device));
        foreach (var layer in model.Linears)
        {
            _sums.Add(layer, [.. Enumerable.Range(0, layer.Inputs).Select(_ => new double[layer.Inputs])]);
            layer.Watch = x => Add(device, _sums[layer], x);
        }
    }

    /// <summary>Shows a batch to the model.</summary>
    public void Add(PackedBatch batch)
    {
        _model.Forward(new(_tape, new NoTap<T>()), batch);
        _tape.Clear();
    }

    /// <summary>The sum over all rows so far, times a factor; it may be changed.</summary>
    public double[][] Of(LinearLayer<T> layer, double factor) =>
        [.. _sums[layer].Select(row => row.Select(sum => factor * sum).ToArray())];

    /// <summary>Ends to listen.</summary>
    public void Dispose()
    {
        foreach (var layer in _model.Linears)
            layer.Watch = null;
        _tape.Dispose();
    }

    private static void Add(Device device, double[][] sums, Tensor<T> x)
    {
        var read = new T[x.Shape.Columns];
        double[] row = new double[read.Length];
        for (int n = 0; n < x.Shape.Rows; n++)
        {
            device.Download(x.Value.SliceRows(n, 1), read.AsSpan());
            for (int j = 0; j < row.Length; j++)
                row[j] = double.CreateChecked(read[j]);
            for (int j = 0; j < row.Length; j++)
                TensorPrimitives.MultiplyAdd(row, row[j], sums[j], sums[j]);
        }
    }
}
