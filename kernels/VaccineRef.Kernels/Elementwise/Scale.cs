using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = c x. X: x, of any shape. Y: the same shape. Backward: dx = c dy. Error against double: 2 eps. NaN stays in its
/// element. Source: none needed.
/// </summary>
/// <param name="factor">The factor c.</param>
public sealed partial class Scale<T>(double factor) : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _factor = T.CreateChecked(factor);

    /// <inheritdoc/>
    public override string Name => "Scale";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => false;

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var shape] ? shape : throw new ShapeException(Name, x, "x (N, C)");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f) => Write(f.Workers, f.X(0), _factor, f.Y);

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (f.Wants(0))
            Add<T>.AddScaled(f.Workers, f.Dx(0), f.Dy, _factor, f.Dx(0));
    }

    /// <summary>Computes y = factor x, where y may be x.</summary>
    internal static void Write(Workers workers, View<T> x, T factor, View<T> y) => workers.Blocks(
        checked((int)y.Shape.Count), BlockSizes.Strip,
        (start, end) => TensorPrimitives.Multiply(x.Span[start..end], factor, y.Span[start..end]));
}
