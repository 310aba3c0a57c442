using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Add<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => GpuAdd.Scaled(f, f.X(0), f.X(1), _scale, f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        for (int i = 0; i < 2; i++)
            if (f.Wants(i) && f.Adds(i))
                GpuAdd.Scaled(f, f.Dx(i), f.Dy, Factor(i), f.Dx(i));
            else if (f.Wants(i))
                f.Kernels.Launch(f.ForEach(f.Dy.Count), Scale<T>.ForwardKernel, f.Dy, Factor(i), f.Dx(i));
    }
}
