using System.Numerics;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>y = x0 + scale x1 on a GPU, where y may be x0: what many ops add into a gradient.</summary>
internal static class GpuAdd
{
    /// <summary>A thread for each element.</summary>
    public static void Scaled<T>(GpuFrame<T> f, GpuView<T> x0, GpuView<T> x1, T scale, GpuView<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        f.Kernels.Launch(f.ForEach(y.Count), Kernel, x0, x1, scale, y);

    private static void Kernel<T>(GpuView<T> x0, GpuView<T> x1, T scale, GpuView<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = x0[i] + (x1[i] * scale);
    }
}
