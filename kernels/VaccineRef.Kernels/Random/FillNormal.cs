using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// X = sigma z, where z is standard normal. Element n of X is element n of the stream, on any device and for any number
/// of threads.
/// </summary>
/// <param name="random">The random stream.</param>
/// <param name="standardDeviation">The standard deviation sigma.</param>
public sealed partial class FillNormal<T>(RandomStream random, double standardDeviation = 1) : Routine<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "FillNormal";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        var view = f.X(0);
        f.Workers.Blocks(checked((int)view.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            var x = view.Span;
            for (int i = start; i < end; i++)
                x[i] = T.CreateTruncating(standardDeviation * random.Normal(i));
        });
        return 0;
    }
}
