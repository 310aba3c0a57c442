using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class KlOverTime<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) =>
        f.Kernels.Launch(f.ForEach(f.Y.Count), ForwardKernel, f.X(0), f.X(1), f.Ids, LogSums(f), f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        var sums = LogSums(f);
        if (f.Wants(0))
            f.Kernels.Launch(f.ForEach(f.Y.Count), StudentKernel, f.X(0), f.X(1), f.Ids, sums, f.Dy, f.Dx(0));
        if (f.Wants(1))
            f.Kernels.Launch(f.ForEach(f.Y.Count), TeacherKernel, f.X(0), f.X(1), f.Ids, sums, f.Y, f.Dy, f.Dx(1));
    }

    /// <summary>
    /// The log-sum-exp of z for each sequence and column, in S rows, followed by that of r: (2 S, V).
    /// </summary>
    private static GpuView<T> LogSums(GpuFrame<T> f)
    {
        var (rows, columns) = (2 * f.Y.Rows, f.Y.Columns);
        var (max, sum) = (f.Scratch<T>(rows, columns), f.Scratch<T>(rows, columns));
        var result = f.Scratch<T>(rows, columns);
        for (int i = 0; i < 2; i++)
            f.Kernels.Launch(f.ForEach(f.Y.Count), SumKernel, f.X(i), f.Ids, max, sum, i * f.Y.Rows);
        GpuLogSum.Write(f, max, sum, result);
        return result;
    }

    /// <summary>
    /// Runs one thread for each sequence and column, which finds the maximum m of its rows and the sum of exp(x - m).
    /// </summary>
    private static void SumKernel(GpuView<T> x, GpuView<int> offsets, GpuView<T> max, GpuView<T> sum, int firstRow)
    {
        long i = GpuIndex.Thread;
        if (i >= (long)(offsets.Columns - 1) * x.Columns)
            return;
        int sequence = (int)(i / x.Columns), column = (int)(i % x.Columns);
        T largest = offsets[sequence] < offsets[sequence + 1] ? x[offsets[sequence], column] : T.Zero, total = T.Zero;
        for (int row = offsets[sequence]; row < offsets[sequence + 1]; row++)
            largest = x[row, column] > largest ? x[row, column] : largest;
        for (int row = offsets[sequence]; row < offsets[sequence + 1]; row++)
            total += T.Exp(x[row, column] - largest);
        max[firstRow + sequence, column] = largest;
        sum[firstRow + sequence, column] = total;
    }

    private static void ForwardKernel(GpuView<T> z, GpuView<T> r, GpuView<int> offsets, GpuView<T> sums, GpuView<T> y)
    {
        long i = GpuIndex.Thread;
        if (i >= y.Count)
            return;
        int sequence = (int)(i / y.Columns), column = (int)(i % y.Columns);
        T total = T.Zero;
        for (int row = offsets[sequence]; row < offsets[sequence + 1]; row++)
        {
            T logarithm = r[row, column] - sums[y.Rows + sequence, column];
            total += T.Exp(logarithm) * (logarithm - (z[row, column] - sums[sequence, column]));
        }

        y[i] = total;
    }

    private static void StudentKernel(
        GpuView<T> z, GpuView<T> r, GpuView<int> offsets, GpuView<T> sums, GpuView<T> dy, GpuView<T> dz)
    {
        long i = GpuIndex.Thread;
        if (i >= dy.Count)
            return;
        int sequence = (int)(i / dy.Columns), column = (int)(i % dy.Columns);
        T student = sums[sequence, column], teacher = sums[dy.Rows + sequence, column];
        for (int row = offsets[sequence]; row < offsets[sequence + 1]; row++)
            dz[row, column] += dy[i] * (T.Exp(z[row, column] - student) - T.Exp(r[row, column] - teacher));
    }

    private static void TeacherKernel(
        GpuView<T> z, GpuView<T> r, GpuView<int> offsets, GpuView<T> sums, GpuView<T> y, GpuView<T> dy, GpuView<T> dr)
    {
        long i = GpuIndex.Thread;
        if (i >= dy.Count)
            return;
        int sequence = (int)(i / dy.Columns), column = (int)(i % dy.Columns);
        T student = sums[sequence, column], teacher = sums[dy.Rows + sequence, column];
        for (int row = offsets[sequence]; row < offsets[sequence + 1]; row++)
        {
            T logarithm = r[row, column] - teacher;
            dr[row, column] += dy[i] * T.Exp(logarithm) * (logarithm - (z[row, column] - student) - y[i]);
        }
    }
}
