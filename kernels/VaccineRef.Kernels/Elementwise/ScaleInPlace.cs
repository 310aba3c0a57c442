using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>Multiplies every element of every X by c, in place. Error: 2 eps. NaN stays in its element.</summary>
/// <param name="factor">The factor c.</param>
public sealed partial class ScaleInPlace<T>(double factor) : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _factor = T.CreateChecked(factor);

    /// <inheritdoc/>
    public override string Name => "ScaleInPlace";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        for (int i = 0; i < f.Inputs; i++)
            Scale<T>.Write(f.Workers, f.X(i), _factor, f.X(i));
        return 0;
    }
}
