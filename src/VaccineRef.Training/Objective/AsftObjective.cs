using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of AsFT.</summary>
/// <param name="Lambda">
/// The penalty's weight. The release's default is 0, which is plain fine-tuning; there is none here.
/// </param>
/// <param name="Base">The stage before the alignment; "model" for the model as it is given.</param>
public sealed record AsftOptions(double Lambda, string Base) : ObjectiveOptions
{
    /// <inheritdoc/>
    public override string Label() => $"AsFT, lambda = {NumberText.Of(Lambda)}";

    /// <inheritdoc/>
    public override IReadOnlyList<string> References() => [Base];

    /// <inheritdoc/>
    public override void Validate(string path) => RequireWeight(Lambda, path);

    /// <inheritdoc/>
    public override IObjective<T> Make<T>(ObjectiveContext<T> context)
    {
        using var before = context.At(Base);
        return new AsftObjective<T>(new CrossEntropyObjective<T>(context.Model.Network), context.Model, before, Lambda);
    }
}

/// <summary>
/// Fine-tuning that is held in the directions in which the alignment had moved the weights.
/// <code>
/// f(w) + lambda sum over linear layers of || (I - C) D ||_F^2,   C = V V' / ||V||_F,   V = W_aligned - W_base
/// D = B A of the layer's adapter, without its scaling; what training changed in W where all weights are trained
/// </code>
/// W_aligned are the weights as they were when this was made. An adapter that is trained on counts from what it was
/// then. No further pass; a matrix (out, out) for each layer. Source: Yang et al., arXiv 2506.08473;
/// PKU-YuanGroup/AsFT, utils/AsFT_train_utils.py, whose C is no projector (C C is not C) and whose D has no scaling,
/// both as here.
/// </summary>
public sealed class AsftObjective<T> : IObjective<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly IObjective<T> _inner;
    private readonly double _lambda;
    private readonly Arena _memory;
    private readonly Layer[] _layers;
    private readonly Linear<T> _product = new(WeightLayout.InOut);
    private readonly Add<T> _minus = new(-1);
    private readonly SquaredDistance<T> _distance = new();
    private readonly Mean<T> _mean = new();

    /// <summary>Takes the directions from two models.</summary>
    /// <param name="inner">The objective f.</param>
    /// <param name="model">The aligned model, as the stage begins.</param>
    /// <param name="before">The model before its alignment, without an adapter. It is not needed afterwards.</param>
    /// <param name="lambda">The weight of the penalty.</param>
    /// <exception cref="InputException">The two models do not have the same linear layers.</exception>
    public AsftObjective(IObjective<T> inner, Model<T> model, Model<T> before, double lambda)
    {
        (_inner, _lambda, _memory) = (inner, lambda, new(model.Device));
        var layers = model.Network.Linears.Where(layer => model.Adapter is null || layer.Adapter is not null);
        _layers = lambda == 0 ? [] : [.. layers.Select(layer => Prepare(layer, Of(before, layer)))];
    }

    /// <inheritdoc/>
    public string Name => "asft";

    /// <inheritdoc/>
    public long StateBytes => _memory.InUse;

    /// <inheritdoc/>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        var tape = pass.Tape;
        var loss = _inner.Loss(pass, batch);
        foreach (var layer in _layers)
        {
            var apart = Apart(tape, layer, layer.Linear);
            var rows = tape.Apply(_distance, [apart, tape.Constant(layer.Start)]);
            loss = tape.Apply(new Add<T>(_lambda * apart.Shape.Rows), [loss, tape.Apply(_mean, [rows])]);
        }

        return loss;
    }

    /// <inheritdoc/>
    public void Dispose() => _memory.Dispose();

    private static LinearLayer<T> Of(Model<T> before, LinearLayer<T> layer) =>
        before.Network.Linears.FirstOrDefault(
            each => each.Name == layer.Name && each.Weight.Shape == layer.Weight.Shape)
        ?? throw new InputException(
            "the models of two stages do not have the same weights", layer.Name, "none of this name and shape",
            $"{layer.Weight.Shape}",
            "compare stages of one model");

    /// <summary>(I - C) B A, or (I - C) W: what is not in the directions of the alignment.</summary>
    private Tensor<T> Apart(Tape<T> tape, Layer layer, LinearLayer<T> linear)
    {
        var c = tape.Constant(layer.Directions);
        if (linear.Adapter is { } adapter)
        {
            var b = tape.Of(adapter.B);
            return tape.Apply(_product, [tape.Apply(_minus, [b, tape.Apply(_product, [c, b])]), tape.Of(adapter.A)]);
        }

        var w = tape.Of(linear.Weight);                  // W' (I - C) where W is stored (in, out): of the same length
        return tape.Apply(_minus, [w, tape.Apply(_product, linear.Layout == WeightLayout.OutIn ? [c, w] : [w, c])]);
    }

    private Layer Prepare(LinearLayer<T> linear, LinearLayer<T> before)
    {
        var device = _memory.Device;
        using var tape = new Tape<T>(device);
        View<T> aligned = tape.Zeros(linear.Weight.Shape).Value, first = tape.Zeros(linear.Weight.Shape).Value;
        linear.CopyWeight(device, aligned);
        linear.Adapter?.AddTo(device, aligned);
        before.CopyWeight(device, first);
        device.Run(new AddScaled<T>(-1), first, aligned);                                                   // V
        var v = tape.Constant(linear.Layout == WeightLayout.OutIn ? aligned : Transposed(tape, aligned));
        double norm = Math.Sqrt(device.Run(new SquaredNorm<T>(), v.Value));
        var directions = _memory.Allocate<T>(new(linear.Outputs, linear.Outputs));
        device.Copy(tape.Apply(new Linear<T>(), [v, v]).Value, directions);
        device.Run(new ScaleInPlace<T>(norm > 0 ? 1 / norm : 0), directions);
        var layer = new Layer(linear, directions, default);
        var start = Apart(tape, layer, linear).Value;
        var kept = _memory.Allocate<T>(start.Shape);
        device.Copy(start, kept);
        return layer with { Start = kept };
    }

    private static View<T> Transposed(Tape<T> tape, View<T> matrix)
    {
        T[] from = new T[matrix.Shape.Count], to = new T[from.Length];
        tape.Device.Download(matrix, from);
        for (int i = 0; i < matrix.Rows; i++)
            for (int j = 0; j < matrix.Columns; j++)
                to[(j * matrix.Rows) + i] = from[(i * matrix.Columns) + j];
        var transposed = tape.Zeros(new(matrix.Columns, matrix.Rows)).Value;
        tape.Device.Upload<T>(to, transposed);
        return transposed;
    }

    /// <summary>A layer, C (out, out), and (I - C) D at the beginning, as the loss forms it.</summary>
    private sealed record Layer(LinearLayer<T> Linear, View<T> Directions, View<T> Start);
}
