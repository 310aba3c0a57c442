using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>The feed-forward network: down(activation(up(x))), or with a gate down(silu(gate(x)) * up(x)).</summary>
public sealed class FeedForward<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly LinearLayer<T>? _gate;
    private readonly LinearLayer<T> _up, _down;
    private readonly Op<T> _activation;

    /// <summary>Makes the gated network of Llama.</summary>
    public FeedForward(LinearLayer<T> gate, LinearLayer<T> up, LinearLayer<T> down) =>
        (_gate, _up, _down, _activation) = (gate, up, down, new SwiGlu<T>());

    /// <summary>Makes the network of OPT and GPT-2.</summary>
    public FeedForward(LinearLayer<T> up, Op<T> activation, LinearLayer<T> down) =>
        (_up, _activation, _down) = (up, activation, down);

    /// <summary>Its linear layers, for LoRA.</summary>
    public IEnumerable<LinearLayer<T>> Linears => _gate is null ? [_up, _down] : [_gate, _up, _down];

    /// <summary>x (N, C) to y (N, C).</summary>
    public Tensor<T> Forward(Pass<T> pass, Tensor<T> x)
    {
        var up = _up.Forward(pass, x);
        var inner = _gate is null
            ? pass.Tape.Apply(_activation, [up])
            : pass.Tape.Apply(_activation, [_gate.Forward(pass, x), up]);
        var y = _down.Forward(pass, inner);
        pass.Tape.Release(inner);
        return y;
    }
}
