using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class SquaredDistance<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) =>
        f.Kernels.Launch(f.GroupEach(f.Y.Rows), ForwardKernel, f.X(0), f.X(1), f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        for (int i = 0; i < 2; i++)
            if (f.Wants(i))
                f.Kernels.Launch(
                    f.ForEach(f.Dx(i).Count), BackwardKernel, f.X(0), f.X(1), f.Dy, f.Dx(i),
                    T.CreateChecked(i == 0 ? 2 : -2));
    }

    /// <summary>Runs one group for each row.</summary>
    private static void ForwardKernel(GpuView<T> x0, GpuView<T> x1, GpuView<T> y)
    {
        int row = Grid.IdxX;
        double sum = 0;
        for (int c = Group.IdxX; c < x0.Columns; c += Group.DimX)
        {
            long i = ((long)row * x0.Columns) + c;
            double difference = GpuDouble.Read(x0, i) - GpuDouble.Read(x1, i);
            sum += difference * difference;
        }

        double total = GroupSum.All(sum);
        if (Group.IdxX == 0)
            GpuDouble.Write(y, row, total);
    }

    private static void BackwardKernel(GpuView<T> x0, GpuView<T> x1, GpuView<T> dy, GpuView<T> dx, T factor)
    {
        long i = GpuIndex.Thread;
        if (i < dx.Count)
            dx[i] += factor * dy[i / dx.Columns] * (x0[i] - x1[i]);
    }
}
