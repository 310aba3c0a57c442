using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = silu(gate) up with silu(g) = g s, s = 1 / (1 + exp(-g)). X: gate, up (N, F). Y: (N, F).
/// Backward: dgate = dy up s (1 + g (1 - s)); dup = dy silu(gate). Error against double: 8 eps of |y|. NaN stays in its
/// element; gate = -infinity gives NaN. Source: Hugging Face modeling_llama.py, LlamaMLP; Shazeer, arXiv 2002.05202,
/// eq. 5.
/// </summary>
public sealed partial class SwiGlu<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "SwiGlu";

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var gate, var up] && gate == up ? gate : throw new ShapeException(Name, x, "gate (N, F) and up (N, F)");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> gate = f.X(0), up = f.X(1), output = f.Y;
        f.Workers.Blocks(checked((int)output.Shape.Count), Cut.Strip, (start, end) =>
        {
            Span<T> g = gate.Span[start..end], y = output.Span[start..end];
            TensorPrimitives.Sigmoid<T>(g, y);
            TensorPrimitives.Multiply<T>(y, g, y);
            TensorPrimitives.Multiply<T>(y, up.Span[start..end], y);
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        View<T> gate = f.X(0), up = f.X(1), dy = f.Dy, dgate = f.Dx(0), dup = f.Dx(1);
        f.Workers.Blocks(checked((int)dy.Shape.Count), Cut.Strip, [SkipLocalsInit] (start, end) =>
        {
            Span<T> g = gate.Span[start..end], u = up.Span[start..end], d = dy.Span[start..end];
            Span<T> sigmoid = (stackalloc T[Cut.Strip])[..g.Length], factor = (stackalloc T[Cut.Strip])[..g.Length];
            TensorPrimitives.Sigmoid<T>(g, sigmoid);
            if (!dup.IsEmpty)
            {
                TensorPrimitives.Multiply<T>(sigmoid, g, factor);
                TensorPrimitives.MultiplyAdd<T>(d, factor, dup.Span[start..end], dup.Span[start..end]);
            }

            if (!dgate.IsEmpty)
            {
                TensorPrimitives.Subtract(T.One, sigmoid, factor);
                TensorPrimitives.Multiply<T>(factor, g, factor);
                TensorPrimitives.MultiplyAdd<T>(factor, sigmoid, sigmoid, factor);                  // s g (1 - s) + s
                TensorPrimitives.Multiply<T>(factor, u, factor);
                TensorPrimitives.MultiplyAdd<T>(d, factor, dgate.Span[start..end], dgate.Span[start..end]);
            }
        });
    }
}
