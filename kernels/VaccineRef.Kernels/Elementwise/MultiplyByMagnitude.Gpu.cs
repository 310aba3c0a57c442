using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class MultiplyByMagnitude<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        f.Kernels.Launch(f.ForEach(f.X(0).Count), Kernel, f.X(0), f.X(1), _offset);
        return 0;
    }

    private static void Kernel(GpuView<T> x, GpuView<T> size, T offset)
    {
        long i = GpuIndex.Thread;
        if (i < x.Count)
            x[i] *= (size[i] < T.Zero ? -size[i] : size[i]) + offset;
    }
}
