using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Fills X with uniform numbers in [low, high). Element n of X is element n of the stream, on any device and for any
/// number of threads.
/// </summary>
/// <param name="random">The random stream.</param>
/// <param name="low">The lower end, which is included.</param>
/// <param name="high">The upper end, which is not.</param>
public sealed partial class FillUniform<T>(RandomStream random, double low, double high) : Routine<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "FillUniform";

    /// <inheritdoc/>
    public override double Run(CpuFrame<T> f)
    {
        var view = f.X(0);
        f.Workers.Blocks(checked((int)view.Shape.Count), BlockSizes.Strip, (start, end) =>
        {
            var x = view.Span;
            for (int i = start; i < end; i++)
                x[i] = T.CreateTruncating(low + ((high - low) * random.Uniform(i)));
        });
        return 0;
    }
}
