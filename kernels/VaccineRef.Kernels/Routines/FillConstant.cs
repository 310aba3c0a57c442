using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>X = c for every X.</summary>
/// <param name="value">c.</param>
public sealed partial class FillConstant<T>(double value) : Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _value = T.CreateChecked(value);

    /// <inheritdoc/>
    public override string Name => "FillConstant";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        for (int i = 0; i < f.Inputs; i++)
        {
            var x = f.X(i);
            f.Workers.Blocks(
                checked((int)x.Shape.Count), Cut.Strip, (start, end) => x.Span[start..end].Fill(_value));
        }

        return 0;
    }
}
