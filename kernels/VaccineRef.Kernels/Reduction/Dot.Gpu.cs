using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Dot<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        var sums = new GpuSums<T>(f);
        sums.AddProducts(f.X(0), f.X(1));
        return sums.Total();
    }
}
