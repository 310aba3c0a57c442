using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>X1 = c X0: how a gradient leaves the wave as a perturbation. Error: 2 eps.</summary>
/// <param name="factor">c.</param>
public sealed partial class ScaledCopy<T>(double factor) : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _factor = T.CreateChecked(factor);

    /// <inheritdoc/>
    public override string Name => "ScaledCopy";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        Scale<T>.Write(f.Workers, f.X(0), _factor, f.X(1));
        return 0;
    }
}
