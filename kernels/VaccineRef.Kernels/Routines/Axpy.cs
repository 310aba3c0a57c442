using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>X1 += a X0. Error: 1 eps of |X1| + |a X0|. Source: BLAS.</summary>
/// <param name="factor">a.</param>
public sealed partial class Axpy<T>(double factor) : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _factor = T.CreateChecked(factor);

    /// <inheritdoc/>
    public override string Name => "Axpy";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        Add<T>.AddScaled(f.Workers, f.X(1), f.X(0), _factor, f.X(1));
        return 0;
    }
}
