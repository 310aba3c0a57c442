using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Returns the sum of X0 X1 over all elements, in double. Error: a few eps of double, of the sum of |X0 X1|.
/// </summary>
public sealed partial class InnerProduct<T> : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "InnerProduct";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        View<T> x = f.X(0), y = f.X(1);
        return f.Workers.Sum(
            checked((int)x.Shape.Count), Cut.Sum,
            (start, end) => Wide.Dot<T>(x.Span[start..end], y.Span[start..end]));
    }
}
