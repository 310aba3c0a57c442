using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>y = W x + b, and scaling B A x on top where an adapter is attached.</summary>
public sealed class LinearLayer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Op<T> _linear;

    /// <summary>Takes its weights from the place named after it.</summary>
    /// <param name="weights">Its place.</param>
    /// <param name="inputs">Columns of x.</param>
    /// <param name="outputs">Columns of y.</param>
    /// <param name="bias">Whether there is a b.</param>
    /// <param name="standardDeviation">Of W where it is initialised.</param>
    /// <param name="layout">How the checkpoint stores W.</param>
    public LinearLayer(
        Weights<T> weights, int inputs, int outputs, bool bias, double standardDeviation,
        WeightLayout layout = WeightLayout.OutIn)
    {
        (Name, Inputs, Outputs, Layout) = (weights.Path, inputs, outputs, layout);
        int[] dimensions = layout == WeightLayout.OutIn ? [outputs, inputs] : [inputs, outputs];
        Weight = weights.Matrix("weight", dimensions, Initializer.Normal(standardDeviation));
        Bias = bias ? weights.Get("bias", [outputs], Initializer.Zero) : null;
        _linear = Weight.IsCompact ? new FrozenLinear<T>(Weight.Compact, layout) : new Linear<T>(layout);
    }

    /// <summary>The module's name: "model.layers.0.self_attn.q_proj".</summary>
    public string Name { get; }

    /// <summary>Columns of x.</summary>
    public int Inputs { get; }

    /// <summary>Columns of y.</summary>
    public int Outputs { get; }

    /// <summary>How <see cref="Weight"/> is stored.</summary>
    public WeightLayout Layout { get; }

    /// <summary>W, (out, in) or (in, out).</summary>
    public Parameter<T> Weight { get; }

    /// <summary>b, (1, out), if there is one.</summary>
    public Parameter<T>? Bias { get; }

    /// <summary>What is added on top, if anything.</summary>
    public LowRank<T>? Adapter { get; internal set; }

    /// <summary>x (N, in) to y (N, out).</summary>
    public Tensor<T> Forward(Pass<T> pass, Tensor<T> x)
    {
        return Adapter is null ? Apply(pass.Tape, _linear, x) : Adapter.Forward(pass, x);
    }

    /// <summary>An op on x, W unless the op has it, what else it takes, and b if there is one.</summary>
    internal Tensor<T> Apply(Tape<T> tape, Op<T> op, Tensor<T> x, params ReadOnlySpan<Tensor<T>> more)
    {
        Span<Tensor<T>> all = new Tensor<T>[more.Length + 3];
        int count = 0;
        all[count++] = x;
        if (!Weight.IsCompact)
            all[count++] = tape.Of(Weight);
        more.CopyTo(all[count..]);
        count += more.Length;
        if (Bias is not null)
            all[count++] = tape.Of(Bias);
        return tape.Apply(op, all[..count]);
    }
}
