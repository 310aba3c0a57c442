using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = x + sigma z, where z is standard normal and independent for every element: element n is element n of the random
/// stream of the call. X: x, of any shape. Y: the same shape. Backward: dx = dy. Error against double: 1 eps of |x| +
/// |sigma z|. NaN stays in its element. Source: the random perturbation of arXiv 2402.01109, section 5.5.
/// </summary>
/// <param name="standardDeviation">The standard deviation sigma.</param>
public sealed partial class GaussianNoise<T>(double standardDeviation) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "GaussianNoise";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => false;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var shape] ? shape : throw new ShapeException(Name, x, "x (N, C)");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> from = f.X(0), to = f.Y;
        var random = f.Random;
        f.Workers.Blocks(checked((int)to.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            Span<T> x = from.Span, y = to.Span;
            for (int i = start; i < end; i++)
                y[i] = x[i] + T.CreateTruncating(standardDeviation * random.Normal(i));
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (f.Wants(0))
            Add<T>.AddScaled(f.Workers, f.Dx(0), f.Dy, T.One, f.Dx(0));
    }
}
