using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Scale<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => Write(f, f.X(0), _factor, f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            Add<T>.AddScaled(f, f.Dx(0), f.Dy, _factor, f.Dx(0));
    }

    /// <summary>Computes y = factor x, where y may be x.</summary>
    internal static void Write(GpuFrame<T> f, GpuView<T> x, T factor, GpuView<T> y) =>
        f.Kernels.Launch(f.ForEach(y.Count), ScaleKernel, x, factor, y);

    private static void ScaleKernel(GpuView<T> x, T factor, GpuView<T> y)
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = x[i] * factor;
    }
}
