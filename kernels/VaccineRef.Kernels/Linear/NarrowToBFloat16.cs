using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Rounds X to bfloat16, to nearest with ties to even. The error is at most 2^-8 of each number above underflow, and a
/// number beyond 3.39e38 becomes infinite. X: any shape, with as many elements as the target has. NaN stays NaN.
/// Source: <see cref="BFloat16.Narrow"/>.
/// </summary>
/// <param name="to">Where the rounded numbers go, on the device that the routine runs on.</param>
public sealed unsafe partial class NarrowToBFloat16<T>(View<ushort> to) : Routine<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "NarrowToBFloat16";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        var from = f.X(0);
        f.Workers.Blocks(checked((int)from.Shape.Count), BlockSizes.Strip, (start, end) => BFloat16.Narrow(
            new ReadOnlySpan<T>(from.Address + start, end - start), new Span<ushort>(to.Address + start, end - start)));
        return 0;
    }
}
