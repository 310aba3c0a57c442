using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Columns<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => f.Kernels.Launch(
        f.GroupEach(f.Y.Rows), ForwardKernel, f.X(0), f.Y, first);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            f.Kernels.Launch(f.GroupEach(f.Dy.Rows), BackwardKernel, f.Dy, f.Dx(0), first);
    }

    /// <summary>Runs one group for each row.</summary>
    private static void ForwardKernel(GpuView<T> x, GpuView<T> y, int first)
    {
        for (int c = Group.IdxX; c < y.Columns; c += Group.DimX)
            y[Grid.IdxX, c] = x[Grid.IdxX, first + c];
    }

    /// <summary>Runs one group for each row.</summary>
    private static void BackwardKernel(GpuView<T> dy, GpuView<T> dx, int first)
    {
        for (int c = Group.IdxX; c < dy.Columns; c += Group.DimX)
            dx[Grid.IdxX, first + c] += dy[Grid.IdxX, c];
    }
}
