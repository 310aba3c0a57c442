using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// The bias of a layer, (1, C): it is copied to every row before a product is added, and its gradient is the sum over
/// rows.
/// </summary>
internal static partial class Bias
{
    /// <summary>Writes the bias into every row of <paramref name="y"/>.</summary>
    public static void Fill<T>(CpuFrame<T> f, View<T> bias, View<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        f.Workers.Blocks(y.Rows, BlockSizes.Rows, (first, end) =>
        {
            for (int row = first; row < end; row++)
                bias.Span.CopyTo(y.Row(row));
        });

    /// <summary>Adds the rows of <paramref name="dy"/>, (N, C), to the bias's gradient.</summary>
    public static void AddGradient<T>(CpuFrame<T> f, View<T> dy, View<T> gradient)
        where T : unmanaged, IFloatingPointIeee754<T> => ColumnSums.Add(f.Workers, dy, gradient);
}
