using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class AddProduct<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        GpuMatmul.Multiply(
            f, T.CreateChecked(scale), f.X(2).Transposed(), f.X(1).Transposed(), layout.InByOut(f.X(0)),
            accumulate: true);
        return 0;
    }
}
