using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// X1 += a X0, element by element: a step of weights or of a perturbation along a direction. Error: 2 eps of |X1| + |a
/// X0|. NaN stays in its element.
/// </summary>
/// <param name="factor">The factor a.</param>
public sealed partial class AddScaled<T>(double factor) : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _factor = T.CreateChecked(factor);

    /// <inheritdoc/>
    public override string Name => "AddScaled";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        Add<T>.AddScaled(f.Workers, f.X(1), f.X(0), _factor, f.X(1));
        return 0;
    }
}
