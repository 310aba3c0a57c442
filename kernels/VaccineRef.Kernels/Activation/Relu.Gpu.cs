using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Relu<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => f.Kernels.Launch(f.ForEach(f.Y.Count), ForwardKernel, f.X(0), f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            f.Kernels.Launch(f.ForEach(f.Dy.Count), BackwardKernel, f.X(0), f.Dy, f.Dx(0));
    }

    private static void ForwardKernel(GpuView<T> x, GpuView<T> y)
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = x[i] < T.Zero ? T.Zero : x[i];              // NaN is not below 0, and therefore stays
    }

    private static void BackwardKernel(GpuView<T> x, GpuView<T> dy, GpuView<T> dx)
    {
        long i = GpuIndex.Thread;
        if (i < dy.Count && x[i] > T.Zero)
            dx[i] += dy[i];
    }
}
