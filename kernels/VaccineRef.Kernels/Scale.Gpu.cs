using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Scale<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => f.Kernels.Launch(f.ForEach(f.Y.Count), ForwardKernel, f.X(0), _factor, f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            GpuAdd.Scaled(f, f.Dx(0), f.Dy, _factor, f.Dx(0));
    }

    internal static void ForwardKernel(GpuView<T> x, T factor, GpuView<T> y)
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = x[i] * factor;
    }
}
