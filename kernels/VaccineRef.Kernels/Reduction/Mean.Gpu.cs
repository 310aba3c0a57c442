using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Mean<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => new GpuSums<T>(f).Mean(f.X(0), f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            f.Kernels.Launch(
                f.ForEach(f.Dx(0).Count), BackwardKernel, f.Dy, f.Dx(0), T.CreateChecked(long.Max(1, f.Dx(0).Count)));
    }

    private static void BackwardKernel(GpuView<T> dy, GpuView<T> dx, T count)
    {
        long i = GpuIndex.Thread;
        if (i < dx.Count)
            dx[i] += dy[0] / count;
    }
}
