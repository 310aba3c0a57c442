using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Dropout<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) =>
        f.Kernels.Launch(f.ForEach(f.Y.Count), ForwardKernel, f.X(0), f.Y, f.Random, _dropped, _scale);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            f.Kernels.Launch(f.ForEach(f.Dy.Count), BackwardKernel, f.Dy, f.Dx(0), f.Random, _dropped, _scale);
    }

    private static void ForwardKernel(GpuView<T> x, GpuView<T> y, RandomStream random, ulong dropped, T scale)
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = random.Bits(i) < dropped ? T.Zero : x[i] * scale;
    }

    private static void BackwardKernel(GpuView<T> dy, GpuView<T> dx, RandomStream random, ulong dropped, T scale)
    {
        long i = GpuIndex.Thread;
        if (i < dy.Count && random.Bits(i) >= dropped)
            dx[i] += dy[i] * scale;
    }
}
