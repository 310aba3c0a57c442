using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Add<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => AddScaled(f, f.X(0), f.X(1), _scale, f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        for (int i = 0; i < 2; i++)
            if (f.Wants(i) && f.Adds(i))
                AddScaled(f, f.Dx(i), f.Dy, Factor(i), f.Dx(i));
            else if (f.Wants(i))
                Scale<T>.Write(f, f.Dy, Factor(i), f.Dx(i));
    }

    /// <summary>Computes y = x0 + scale x1, where y may be x0.</summary>
    internal static void AddScaled(GpuFrame<T> f, GpuView<T> x0, GpuView<T> x1, T scale, GpuView<T> y) =>
        f.Kernels.Launch(f.ForEach(y.Count), AddKernel, x0, x1, scale, y);

    private static void AddKernel(GpuView<T> x0, GpuView<T> x1, T scale, GpuView<T> y)
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = x0[i] + (x1[i] * scale);
    }
}
