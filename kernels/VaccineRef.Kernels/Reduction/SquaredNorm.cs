using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Returns the sum of x^2 over all elements of all X, in double: the square of a global norm. Error: a few eps of
/// double. NaN or infinity anywhere shows in the result. The sum of no elements is 0.
/// </summary>
public sealed partial class SquaredNorm<T> : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "SquaredNorm";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        double total = 0;
        for (int i = 0; i < f.Inputs; i++)
        {
            var x = f.X(i);
            total += f.Workers.Sum(
                checked((int)x.Shape.Count), BlockSizes.Sum,
                (start, end) => DoubleSums.Dot<T>(x.Span[start..end], x.Span[start..end]));
        }

        return total;
    }
}
