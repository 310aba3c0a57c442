using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Edits;

/// <summary>
/// The mean squares of what goes into each linear layer of a model, over all tokens that it was shown.
/// </summary>
internal sealed class InputNorms<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ILanguageModel<T> _model;
    private readonly Tape<T> _tape, _sums;
    private readonly Dictionary<LinearLayer<T>, double[]> _squares = [];
    private readonly Linear<T> _columnSums = new(WeightLayout.InOut);
    private long _rows;

    /// <summary>Begins to listen; a model has one listener at a time.</summary>
    public InputNorms(ILanguageModel<T> model, Device device)
    {
        (_model, _tape, _sums) = (model, new(device), new(device));
        foreach (var layer in model.Linears)
        {
            _squares.Add(layer, new double[layer.Inputs]);
            layer.Watch = x => Add(layer, x);
        }
    }

    /// <summary>Shows a batch to the model.</summary>
    public void Add(PackedBatch batch)
    {
        _model.Forward(new(_tape, new NoTap<T>()), batch);
        _tape.Clear();
        _rows += batch.Rows;
    }

    /// <summary>The mean of x_j^2 over all rows, for each input j of a layer; zeros before the first batch.</summary>
    public IEnumerable<double> MeanSquares(LinearLayer<T> layer) =>
        _squares[layer].Select(sum => sum / Math.Max(1, _rows));

    /// <summary>Ends to listen.</summary>
    public void Dispose()
    {
        foreach (var layer in _model.Linears)
            layer.Watch = null;
        _tape.Dispose();
        _sums.Dispose();
    }

    private void Add(LinearLayer<T> layer, Tensor<T> x)
    {
        var squares = _sums.Zeros(x.Shape);
        _sums.Device.Run(new AddSquares<T>(1), x.Value, squares.Value);
        var ones = _sums.Zeros(Shape.Vector(x.Shape.Rows));
        _sums.Device.Fill(ones.Value, T.One);
        var read = new T[layer.Inputs];
        _sums.Device.Download(_sums.Apply(_columnSums, [ones, squares]).Value, read);       // (1, N) (N, in)
        _sums.Clear();
        double[] sum = _squares[layer];
        for (int j = 0; j < sum.Length; j++)
            sum[j] += double.CreateChecked(read[j]);
    }
}
