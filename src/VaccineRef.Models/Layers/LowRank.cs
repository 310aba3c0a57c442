using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// One layer's share of a LoRA: W x + b + scaling B A dropout(x), with A (r, in) and B (out, r). Source: arXiv
/// 2106.09685, eq. 3.
/// </summary>
public sealed class LowRank<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Linear<T> _linear = new();
    private readonly AdaptedLinear<T> _adapted;
    private readonly DropoutLayer<T> _dropout;
    private readonly double _scaling;

    internal LowRank(LinearLayer<T> layer, AdapterConfig config, Weights<T> weights)
    {
        Layer = layer;
        _scaling = config.Scaling;
        _adapted = new(_scaling, layer.Layout);
        _dropout = new($"{layer.Name}.lora_dropout", config.Dropout);
        A = weights.Get("lora_A.weight", [config.Rank, layer.Inputs], Start.Uniform(1 / Math.Sqrt(layer.Inputs)));
        B = weights.Get("lora_B.weight", [layer.Outputs, config.Rank], Start.Zero);
    }

    /// <summary>The layer it belongs to.</summary>
    public LinearLayer<T> Layer { get; }

    /// <summary>
    /// A, (r, in); begins as torch's kaiming_uniform with a = sqrt(5), which is U(-1/sqrt(in), 1/sqrt(in)).
    /// </summary>
    public Parameter<T> A { get; }

    /// <summary>B, (out, r); begins at 0, so that the model begins unchanged.</summary>
    public Parameter<T> B { get; }

    /// <summary>W x + b + scaling B A dropout(x).</summary>
    public Tensor<T> Forward(Pass<T> pass, Tensor<T> x)
    {
        var tape = pass.Tape;
        var low = tape.Apply(_linear, [_dropout.Forward(pass, x), tape.Of(A)]);
        return Layer.Bias is null
            ? tape.Apply(_adapted, [x, tape.Of(Layer.Weight), low, tape.Of(B)])
            : tape.Apply(_adapted, [x, tape.Of(Layer.Weight), low, tape.Of(B), tape.Of(Layer.Bias)]);
    }

    /// <summary>W += sign scaling B A.</summary>
    internal void AddToWeight(Device device, int sign) =>
        device.Run(new AddProduct<T>(sign * _scaling, Layer.Layout), Layer.Weight.Value, B.Value, A.Value);
}
