using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class FillConstant<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        for (int i = 0; i < f.Inputs; i++)
            f.Kernels.Launch(f.ForEach(f.X(i).Count), FillKernel, f.X(i), _value);
        return 0;
    }

    private static void FillKernel(GpuView<T> x, T value)
    {
        long i = GpuIndex.Thread;
        if (i < x.Count)
            x[i] = value;
    }
}
