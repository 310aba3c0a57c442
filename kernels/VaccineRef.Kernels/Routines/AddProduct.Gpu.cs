using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed unsafe partial class AddProduct<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        GpuView<T> w = f.X(0), b = f.X(1), a = f.X(2);
        T factor = T.CreateChecked(scale);
        if (layout == WeightLayout.OutIn)
            GpuMatmul.Multiply(f, factor, b, false, a, false, w, accumulate: true);
        else
            GpuMatmul.Multiply(f, factor, a, true, b, true, w, accumulate: true);
        return 0;
    }
}
