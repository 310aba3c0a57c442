using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Scatter<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        int[] source = new int[f.Y.Rows];                       // row of y -> row of x, or -1
        Array.Fill(source, -1);
        for (int m = 0; m < f.HostIds.Length; m++)
            source[f.HostIds[m]] = m;
        f.Kernels.Launch(f.ForEach(f.Y.Count), ForwardKernel, f.X(0), f.Integers(source), f.Y);
    }

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            f.Kernels.Launch(f.ForEach(f.Dx(0).Count), BackwardKernel, f.Dy, f.Ids, f.Dx(0));
    }

    private static void ForwardKernel(GpuView<T> x, GpuView<int> source, GpuView<T> y)
    {
        long i = GpuIndex.Thread;
        if (i >= y.Count)
            return;
        int row = source[i / y.Columns];
        y[i] = row < 0 ? T.Zero : x[row, (int)(i % y.Columns)];
    }

    private static void BackwardKernel(GpuView<T> dy, GpuView<int> ids, GpuView<T> dx)
    {
        long i = GpuIndex.Thread;
        if (i < dx.Count)
            dx[i] += dy[ids[i / dx.Columns], (int)(i % dx.Columns)];
    }
}
