using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class ScaledCopy<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        f.Kernels.Launch(f.ForEach(f.X(1).Count), Scale<T>.ForwardKernel, f.X(0), _factor, f.X(1));
        return 0;
    }
}
