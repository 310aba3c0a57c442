using ILGPU;
using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class FillUniform<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        f.Kernels.Launch(f.ForEach(f.X(0).Count), FillKernel, f.X(0), random, low, high - low, 0UL);
        return 0;
    }

    /// <summary>
    /// Runs one thread for each element. A driver would fuse the product with the sum, where the processor rounds in
    /// between. To prevent that, the bits of the product are combined with a zero that the compiler does not know to be
    /// one.
    /// </summary>
    private static void FillKernel(GpuView<T> x, RandomStream random, double low, double width, ulong zero)
    {
        long i = GpuIndex.Thread;
        if (i < x.Count)
            GpuDouble.Write(x, i, low + Interop.IntAsFloat(Interop.FloatAsInt(width * random.Uniform(i)) ^ zero));
    }
}
