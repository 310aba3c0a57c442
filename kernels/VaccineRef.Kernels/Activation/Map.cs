using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// The base of ops that apply one function to every element: y = phi(x). X: x, of any shape. Y: the same shape.
/// Backward: dx = dy phi'(x).
/// </summary>
public abstract class Map<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public sealed override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var shape] ? shape : throw new ShapeException(Name, x, "x (N, C)");

    /// <inheritdoc/>
    public sealed override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), y = f.Y;
        f.Workers.Blocks(
            checked((int)y.Shape.Count), BlockSizes.Strip,
            (start, end) => Value(x.Span[start..end], y.Span[start..end]));
    }

    /// <inheritdoc/>
    public sealed override void Backward(CpuFrame<T> f)
    {
        if (!f.Wants(0))
            return;
        View<T> x = f.X(0), dy = f.Dy, dx = f.Dx(0);
        f.Workers.Blocks(
            checked((int)dy.Shape.Count), BlockSizes.Strip,
            (start, end) => AddGradient(x.Span[start..end], dy.Span[start..end], dx.Span[start..end]));
    }

    /// <summary>Computes y = phi(x) for a run of elements.</summary>
    protected abstract void Value(ReadOnlySpan<T> x, Span<T> y);

    /// <summary>Computes dx += dy phi'(x) for a run of at most <see cref="BlockSizes.Strip"/> elements.</summary>
    protected abstract void AddGradient(ReadOnlySpan<T> x, ReadOnlySpan<T> dy, Span<T> dx);
}
