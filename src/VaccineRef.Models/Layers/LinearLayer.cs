using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>A linear layer, y = W x + b. If an adapter is attached, it adds scaling B A x.</summary>
public sealed class LinearLayer<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Op<T> _linear;

    /// <summary>Makes the layer and asks for its weights.</summary>
    /// <param name="weights">The place of its weights in the model.</param>
    /// <param name="inputs">Number of columns of x.</param>
    /// <param name="outputs">Number of columns of y.</param>
    /// <param name="bias">Whether there is a bias b.</param>
    /// <param name="standardDeviation">The standard deviation of a random W.</param>
    /// <param name="layout">Whether the checkpoint stores W as (out, in) or as (in, out).</param>
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

    /// <summary>The name of the module, such as "model.layers.0.self_attn.q_proj".</summary>
    public string Name { get; }

    /// <summary>Number of columns of x.</summary>
    public int Inputs { get; }

    /// <summary>Number of columns of y.</summary>
    public int Outputs { get; }

    /// <summary>Whether <see cref="Weight"/> is stored as (out, in) or as (in, out).</summary>
    public WeightLayout Layout { get; }

    /// <summary>The weight W, (out, in) or (in, out).</summary>
    public Parameter<T> Weight { get; }

    /// <summary>The bias b, (1, out); null if there is none.</summary>
    public Parameter<T>? Bias { get; }

    /// <summary>The adapter that is attached to this layer, if any.</summary>
    public LowRank<T>? Adapter { get; internal set; }

    /// <summary>Is shown x in every forward pass, for measurements; null where nobody looks.</summary>
    public Action<Tensor<T>>? Watch { get; set; }

    /// <summary>x (N, in) to y (N, out).</summary>
    public Tensor<T> Forward(Pass<T> pass, Tensor<T> x)
    {
        Watch?.Invoke(x);
        return Adapter is null ? Apply(pass.Tape, _linear, x) : Adapter.Forward(pass, x);
    }

    /// <summary>Copies W, stored as it is; one that is kept in bfloat16 is widened.</summary>
    public void CopyWeight(Device device, View<T> to) => HostWindows.Copy(device, Weight, to);

    /// <summary>
    /// Applies an op to x, W, the inputs in <paramref name="more"/>, and b if there is one. An op for a bfloat16 W has
    /// W itself.
    /// </summary>
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
