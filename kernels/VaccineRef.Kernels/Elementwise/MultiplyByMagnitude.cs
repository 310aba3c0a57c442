using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// X0 *= |X1| + a, element by element: the metric of an adaptive ball, in which a number may move by a share of its
/// size. Error: 2 eps. NaN stays in its element. Source: Kwon et al., arXiv 2102.11600, whose T_w is |w| + eta.
/// </summary>
/// <param name="offset">The offset a, so that a number that is 0 can move too.</param>
public sealed partial class MultiplyByMagnitude<T>(double offset) : Routine<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _offset = T.CreateChecked(offset);

    /// <inheritdoc/>
    public override string Name => "MultiplyByMagnitude";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        View<T> x = f.X(0), size = f.X(1);
        f.Workers.Blocks(checked((int)x.Shape.Count), BlockSizes.Strip, [SkipLocalsInit] (start, end) =>
        {
            Span<T> magnitude = stackalloc T[BlockSizes.Strip];
            magnitude = magnitude[..(end - start)];
            TensorPrimitives.Abs<T>(size.Span[start..end], magnitude);
            TensorPrimitives.Add(magnitude, _offset, magnitude);
            TensorPrimitives.Multiply<T>(x.Span[start..end], magnitude, x.Span[start..end]);
        });
        return 0;
    }
}
