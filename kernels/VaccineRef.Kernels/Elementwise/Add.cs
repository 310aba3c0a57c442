using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = x0 + scale x1. Models use it for residual connections, Vaccine for the shifted hidden embedding e + eps, and
/// objectives for the sum of two losses. X: x0 and x1, (N, C). Y: (N, C). Backward: dx0 = dy and dx1 = scale dy. Error
/// against double: 1 eps of |x0| + |scale x1|. NaN reaches only its own element. Source: none needed.
/// </summary>
/// <param name="scale">The factor of x1.</param>
public sealed partial class Add<T>(double scale = 1) : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _scale = T.CreateChecked(scale);

    /// <inheritdoc/>
    public override string Name => "Add";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => false;

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override bool Overwrites(int input) => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var first, var second] && first == second
            ? first
            : throw new ShapeException(Name, x, "x0 (N, C) and x1 (N, C)");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f) => AddScaled(f.Workers, f.X(0), f.X(1), _scale, f.Y);

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        for (int i = 0; i < 2; i++)
            if (f.Wants(i) && f.Adds(i))
                AddScaled(f.Workers, f.Dx(i), f.Dy, Factor(i), f.Dx(i));
            else if (f.Wants(i))
                Scale<T>.Write(f.Workers, f.Dy, Factor(i), f.Dx(i));
    }

    private T Factor(int input) => input == 0 ? T.One : _scale;

    /// <summary>Computes y = x0 + scale x1, where y may be x0.</summary>
    internal static void AddScaled(Workers workers, View<T> x0, View<T> x1, T scale, View<T> y) =>
        workers.Blocks(checked((int)y.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            if (scale == T.One)
                TensorPrimitives.Add(x0.Span[start..end], x1.Span[start..end], y.Span[start..end]);
            else
                TensorPrimitives.MultiplyAdd(x1.Span[start..end], scale, x0.Span[start..end], y.Span[start..end]);
        });
}
