using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class FillNormal<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        f.Kernels.Launch(f.ForEach(f.X(0).Count), FillKernel, f.X(0), random, standardDeviation);
        return 0;
    }

    private static void FillKernel(GpuView<T> x, RandomStream random, double standardDeviation)
    {
        long i = GpuIndex.Thread;
        if (i < x.Count)
            GpuDouble.Write(x, i, standardDeviation * random.Normal(i));
    }
}
