using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class SquaredNorm<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        var sums = new GpuSums<T>(f);
        for (int i = 0; i < f.Inputs; i++)
            sums.AddSquares(f.X(i));
        return sums.Total();
    }
}
