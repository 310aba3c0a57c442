using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class AddSquares<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        f.Kernels.Launch(f.ForEach(f.X(0).Count), Kernel, f.X(0), f.X(1), _factor);
        return 0;
    }

    private static void Kernel(GpuView<T> x, GpuView<T> sum, T factor)
    {
        long i = GpuIndex.Thread;
        if (i < x.Count)
            sum[i] += factor * x[i] * x[i];
    }
}
