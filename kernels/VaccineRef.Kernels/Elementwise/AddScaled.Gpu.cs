using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class AddScaled<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        Add<T>.AddScaled(f, f.X(1), f.X(0), _factor, f.X(1));
        return 0;
    }
}
