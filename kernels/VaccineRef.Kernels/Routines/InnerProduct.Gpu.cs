using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class InnerProduct<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        var sums = new GpuSums<T>(f);
        sums.Add(f.X(0), f.X(1));
        return sums.Total();
    }
}
