using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Add<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => GpuAdd.Scaled(f, f.X(0), f.X(1), _scale, f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            GpuAdd.Scaled(f, f.Dx(0), f.Dy, T.One, f.Dx(0));
        if (f.Wants(1))
            GpuAdd.Scaled(f, f.Dx(1), f.Dy, _scale, f.Dx(1));
    }
}
