using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class GaussianNoise<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) =>
        f.Kernels.Launch(f.ForEach(f.Y.Count), ForwardKernel, f.X(0), f.Y, f.Random, standardDeviation);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            Add<T>.AddScaled(f, f.Dx(0), f.Dy, T.One, f.Dx(0));
    }

    private static void ForwardKernel(GpuView<T> x, GpuView<T> y, RandomStream random, double standardDeviation)
    {
        long i = GpuIndex.Thread;
        if (i >= y.Count)
            return;
        GpuDouble.Write(y, i, standardDeviation * random.Normal(i));
        y[i] += x[i];
    }
}
