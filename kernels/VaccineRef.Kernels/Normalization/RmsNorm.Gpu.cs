using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class RmsNorm<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => f.Kernels.Launch(
        f.GroupEach(f.Y.Rows), ForwardKernel, f.X(0), f.X(1), f.Y, f.Saved, T.CreateChecked(epsilon),
        T.CreateChecked(f.Y.Columns));

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            f.Kernels.Launch(
                f.GroupEach(f.Dy.Rows), BackwardInputKernel, f.X(0), f.X(1), f.Dy, f.Saved, f.Dx(0),
                T.CreateChecked(f.Dy.Columns));
        if (f.Wants(1))
            GpuColumnSums<T, WeightTerm>.Add(f, new(f.X(0), f.Dy, f.Saved), f.Dy.Rows, f.Dx(1));
    }

    /// <summary>Runs one group for each row.</summary>
    private static void ForwardKernel(
        GpuView<T> x, GpuView<T> w, GpuView<T> y, GpuView<T> inverse, T eps, T columns)
    {
        int row = Grid.IdxX;
        T sum = T.Zero;
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            sum += x[row, c] * x[row, c];
        T s = T.One / T.Sqrt((GroupSum.All(sum) / columns) + eps);
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            y[row, c] = x[row, c] * s * w[c];
        if (Group.IdxX == 0)
            inverse[row] = s;
    }

    /// <summary>Runs one group for each row.</summary>
    private static void BackwardInputKernel(
        GpuView<T> x, GpuView<T> w, GpuView<T> dy, GpuView<T> inverse, GpuView<T> dx, T columns)
    {
        int row = Grid.IdxX;
        T s = inverse[row], sum = T.Zero;
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            sum += dy[row, c] * w[c] * x[row, c];
        T pull = GroupSum.All(sum) * s * s / columns;
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            dx[row, c] += ((dy[row, c] * w[c]) - (x[row, c] * pull)) * s;
    }

    /// <summary>The term of a row in the gradient of w: dy x / r.</summary>
    internal readonly struct WeightTerm(GpuView<T> x, GpuView<T> dy, GpuView<T> inverse) : IGpuTerm<T>
    {
        private readonly GpuView<T> _x = x, _dy = dy, _inverse = inverse;

        public T At(int row, int column) => _dy[row, column] * (_x[row, column] * _inverse[row]);
    }
}
