using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class ScaleInPlace<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        for (int i = 0; i < f.Inputs; i++)
            Scale<T>.Write(f, f.X(i), _factor, f.X(i));
        return 0;
    }
}
