using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>A normalisation of each row, with a learned weight and possibly a bias.</summary>
public sealed class NormLayer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Op<T> _norm;
    private readonly Parameter<T> _weight;
    private readonly Parameter<T>? _bias;

    private NormLayer(Weights<T> weights, int columns, Op<T> norm, bool bias)
    {
        _norm = norm;
        _weight = weights.Get("weight", [columns], Initializer.One);
        _bias = bias ? weights.Get("bias", [columns], Initializer.Zero) : null;
    }

    /// <summary>The norm of Llama: division by the root mean square, without bias.</summary>
    public static NormLayer<T> Rms(Weights<T> weights, int columns, double epsilon) =>
        new(weights, columns, new RmsNorm<T>(epsilon), bias: false);

    /// <summary>The norm of OPT and GPT-2: by mean and variance, with bias.</summary>
    public static NormLayer<T> Layer(Weights<T> weights, int columns, double epsilon) =>
        new(weights, columns, new LayerNorm<T>(epsilon), bias: true);

    /// <summary>x (N, C) to y (N, C).</summary>
    public Tensor<T> Forward(Pass<T> pass, Tensor<T> x)
    {
        var tape = pass.Tape;
        return _bias is null
            ? tape.Apply(_norm, [x, tape.Of(_weight)])
            : tape.Apply(_norm, [x, tape.Of(_weight), tape.Of(_bias)]);
    }
}
