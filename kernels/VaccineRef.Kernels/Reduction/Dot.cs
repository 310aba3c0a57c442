using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Returns the sum of x y over all elements of X0 and X1, in double. Error: a few eps of double of sum |x y|. NaN or
/// infinity anywhere shows in the result. The sum of no elements is 0.
/// </summary>
public sealed partial class Dot<T> : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "Dot";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        View<T> x = f.X(0), y = f.X(1);
        return f.Workers.Sum(
            checked((int)x.Shape.Count), BlockSizes.Sum,
            (start, end) => DoubleSums.Dot<T>(x.Span[start..end], y.Span[start..end]));
    }
}
