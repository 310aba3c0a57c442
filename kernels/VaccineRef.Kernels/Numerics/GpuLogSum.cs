using System.Numerics;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>max + log(sum), element by element, with the logarithm in double: that of float is approximate on a GPU.</summary>
internal static class GpuLogSum
{
    public static void Write<T>(GpuFrame<T> f, GpuView<T> max, GpuView<T> sum, GpuView<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> => f.Kernels.Launch(f.ForEach(y.Count), Kernel, max, sum, y);

    private static void Kernel<T>(GpuView<T> max, GpuView<T> sum, GpuView<T> y) where T : unmanaged, IFloatingPointIeee754<T>
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            GpuWide.Write(y, i, GpuWide.Read(max, i) + Math.Log(GpuWide.Read(sum, i)));
    }
}
