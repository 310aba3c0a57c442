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
                f.Kernels.Launch(f.ForEach(f.Dy.Count), WriteKernel, f.Dy, Factor(i), f.Dx(i));
    }

    private static void WriteKernel(GpuView<T> dy, T factor, GpuView<T> dx)
    {
        long i = GpuIndex.Thread;
        if (i < dx.Count)
            dx[i] = dy[i] * factor;
    }
}
