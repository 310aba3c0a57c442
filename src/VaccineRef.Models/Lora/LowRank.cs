using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// The part of a LoRA in one layer, which then computes W x + b + scaling B A dropout(x), with A (r, in) and B (out,
/// r). Source: arXiv 2106.09685, eq. 3.
/// </summary>
public sealed class LowRank<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Linear<T> _linear = new();
    private readonly Op<T> _adapted;
    private readonly DropoutLayer<T> _dropout;
    private readonly double _scaling;

    internal LowRank(LinearLayer<T> layer, AdapterConfig config, Weights<T> weights)
    {
        Layer = layer;
        _scaling = config.Scaling;
        _adapted = layer.Weight.IsCompact
            ? new FrozenLinear<T>(layer.Weight.Compact, layer.Layout, _scaling)
            : new AdaptedLinear<T>(_scaling, layer.Layout);
        _dropout = new($"{layer.Name}.lora_dropout", config.Dropout);
        A = weights.Get("lora_A.weight", [config.Rank, layer.Inputs], Initializer.Uniform(1 / Math.Sqrt(layer.Inputs)));
        B = weights.Get("lora_B.weight", [layer.Outputs, config.Rank], Initializer.Zero);
    }

    /// <summary>The adapted layer.</summary>
    public LinearLayer<T> Layer { get; }

    /// <summary>
    /// The matrix A, (r, in). It is initialised as by torch's kaiming_uniform with a = sqrt(5), that is uniformly in
    /// (-1/sqrt(in), 1/sqrt(in)).
    /// </summary>
    public Parameter<T> A { get; }

    /// <summary>
    /// The matrix B, (out, r). It is initialised with 0, so that a new adapter does not change the model.
    /// </summary>
    public Parameter<T> B { get; }

    /// <summary>x (N, in) to W x + b + scaling B A dropout(x), (N, out).</summary>
    public Tensor<T> Forward(Pass<T> pass, Tensor<T> x)
    {
        var tape = pass.Tape;
        var dropped = _dropout.Forward(pass, x);
        var low = tape.Apply(_linear, [dropped, tape.Of(A)]);
        if (_dropout.Applies(pass))
            tape.Release(dropped);
        return Layer.Apply(tape, _adapted, x, low, tape.Of(B));
    }

    /// <summary>Adds scaling B A to a copy of the layer's weight, stored as that is.</summary>
    public void AddTo(Device device, View<T> weight) =>
        device.Run(new AddProduct<T>(_scaling, Layer.Layout), weight, B.Value, A.Value);

    /// <summary>W += sign scaling B A. If W is kept in bfloat16, the sum is rounded to it.</summary>
    internal void AddToWeight(Device device, int sign)
    {
        var weight = Layer.Weight;
        var add = new AddProduct<T>(sign * _scaling, Layer.Layout);
        if (!weight.IsCompact)
        {
            device.Run(add, weight.Value, B.Value, A.Value);
            return;
        }

        using var room = new Arena(device);
        var wide = room.Allocate<T>(weight.Shape);
        HostWindows.Copy(device, weight, wide);
        device.Run(add, wide, B.Value, A.Value);
        device.Run(new NarrowToBFloat16<T>(weight.Compact), wide);
    }
}
