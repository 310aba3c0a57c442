using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = the mean of all elements. X: x (N, C). Y: (1, 1). Backward: dx = dy / (N C). The sum is in double, by a fixed
/// tree; error against double: 1 eps of mean(|x|), from rounding the result. A NaN anywhere gives NaN. The mean of no
/// elements is 0. Source: none needed.
/// </summary>
public sealed partial class Mean<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "Mean";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => false;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [_] ? Shape.Scalar : throw new ShapeException(Name, x, "x (N, C)");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        var x = f.X(0);
        int count = checked((int)x.Shape.Count);
        double sum = f.Workers.Sum(count, BlockSizes.Sum, (start, end) => DoubleSums.Sum<T>(x.Span[start..end]));
        f.Y.Span[0] = T.CreateTruncating(sum / Math.Max(1, count));
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (!f.Wants(0))
            return;
        var dx = f.Dx(0);
        int count = checked((int)dx.Shape.Count);
        T share = f.Dy.Span[0] / T.CreateChecked(Math.Max(1, count));
        f.Workers.Blocks(
            count, BlockSizes.Strip,
            (start, end) => TensorPrimitives.Add(dx.Span[start..end], share, dx.Span[start..end]));
    }
}
