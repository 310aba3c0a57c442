using System.Numerics;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

internal static partial class Bias
{
    /// <summary>Writes the bias into every row of <paramref name="y"/>.</summary>
    public static void Fill<T>(GpuFrame<T> f, GpuView<T> bias, GpuView<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        f.Kernels.Launch(f.ForEach(y.Count), FillKernel, bias, y);

    /// <summary>Adds the rows of <paramref name="dy"/>, (N, C), to the bias's gradient.</summary>
    public static void AddGradient<T>(GpuFrame<T> f, GpuView<T> dy, GpuView<T> gradient)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        GpuColumnSums<T, GpuRowTerm<T>>.Add(f, new(dy), dy.Rows, gradient);

    private static void FillKernel<T>(GpuView<T> bias, GpuView<T> y) where T : unmanaged
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = bias[i % y.Columns];
    }
}
