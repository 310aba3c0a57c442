using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class KlDivergence<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        var (max, sum) = (f.Scratch<T>(f.Y.Rows, 2), f.Scratch<T>(f.Y.Rows, 2));
        for (int i = 0; i < 2; i++)
            f.Kernels.Launch(f.GroupEach(f.Y.Rows), SumKernel, f.X(i), max, sum, i);
        GpuLogSum.Write(f, max, sum, f.Saved);
        f.Kernels.Launch(f.GroupEach(f.Y.Rows), ForwardKernel, f.X(0), f.X(1), f.Saved, f.Y);
    }

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            f.Kernels.Launch(f.ForEach(f.Dx(0).Count), StudentKernel, f.X(0), f.X(1), f.Saved, f.Dy, f.Dx(0));
        if (f.Wants(1))
            f.Kernels.Launch(f.ForEach(f.Dx(1).Count), TeacherKernel, f.X(0), f.X(1), f.Saved, f.Y, f.Dy, f.Dx(1));
    }

    /// <summary>
    /// Runs one group for each row, which writes its maximum m and its sum of exp(x - m) to column
    /// <paramref name="which"/>.
    /// </summary>
    private static void SumKernel(GpuView<T> x, GpuView<T> max, GpuView<T> sum, int which)
    {
        int row = Grid.IdxX;
        T largest = T.NegativeInfinity, total = T.Zero;
        for (int j = Group.IdxX; j < x.Columns; j += Group.DimX)
            largest = x[row, j] > largest ? x[row, j] : largest;
        largest = GroupSum.Max(largest);
        for (int j = Group.IdxX; j < x.Columns; j += Group.DimX)
            total += T.Exp(x[row, j] - largest);
        total = GroupSum.All(total);
        if (Group.IdxX > 0)
            return;
        max[row, which] = largest;
        sum[row, which] = total;
    }

    /// <summary>Runs one group for each row.</summary>
    private static void ForwardKernel(GpuView<T> z, GpuView<T> r, GpuView<T> saved, GpuView<T> y)
    {
        int row = Grid.IdxX;
        T sum = T.Zero;
        for (int j = Group.IdxX; j < z.Columns; j += Group.DimX)
        {
            T logarithm = r[row, j] - saved[row, 1];
            sum += T.Exp(logarithm) * (logarithm - (z[row, j] - saved[row, 0]));
        }

        sum = GroupSum.All(sum);
        if (Group.IdxX == 0)
            y[row] = sum;
    }

    private static void StudentKernel(GpuView<T> z, GpuView<T> r, GpuView<T> saved, GpuView<T> dy, GpuView<T> dz)
    {
        long i = GpuIndex.Thread;
        if (i >= dz.Count)
            return;
        long row = i / dz.Columns;
        dz[i] += dy[row] * (T.Exp(z[i] - saved[2 * row]) - T.Exp(r[i] - saved[(2 * row) + 1]));
    }

    private static void TeacherKernel(
        GpuView<T> z, GpuView<T> r, GpuView<T> saved, GpuView<T> y, GpuView<T> dy, GpuView<T> dr)
    {
        long i = GpuIndex.Thread;
        if (i >= dr.Count)
            return;
        long row = i / dr.Columns;
        T logarithm = r[i] - saved[(2 * row) + 1];
        dr[i] += dy[row] * T.Exp(logarithm) * (logarithm - (z[i] - saved[2 * row]) - y[row]);
    }
}
