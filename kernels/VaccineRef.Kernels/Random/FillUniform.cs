using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// X uniform in [low, high): element n is element n of the stream, on any device, for any number of threads.
/// </summary>
/// <param name="random">The stream.</param>
/// <param name="low">The lower end.</param>
/// <param name="high">The upper end.</param>
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
