using System.Numerics;
using System.Numerics.Tensors;

namespace VaccineRef.Kernels;

/// <summary>
/// y = max(x, 0). X: x, of any shape. Y: the same shape. Backward: dx = dy where x is above 0, and 0 elsewhere; the
/// slope at 0 is 0, as in PyTorch. The result is exact. NaN stays NaN in its element and passes no gradient. Source:
/// torch.nn.ReLU; Hugging Face modeling_opt.py.
/// </summary>
public sealed partial class Relu<T> : Map<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "Relu";

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    protected override void Value(ReadOnlySpan<T> x, Span<T> y) => TensorPrimitives.Max(x, T.Zero, y);

    /// <inheritdoc/>
    protected override void AddGradient(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx)
    {
        int i = 0;
        for (; i <= x.Length - Vector<T>.Count; i += Vector<T>.Count)
        {
            var passed = Vector.ConditionalSelect(
                Vector.GreaterThan(new Vector<T>(x[i..]), Vector<T>.Zero), new Vector<T>(dy[i..]), Vector<T>.Zero);
            (new Vector<T>(dx[i..]) + passed).CopyTo(dx[i..]);
        }

        for (; i < x.Length; i++)
            if (x[i] > T.Zero)
                dx[i] += dy[i];
    }
}
