using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class LayerNorm<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => f.Kernels.Launch(
        f.GroupEach(f.Y.Rows), ForwardKernel, f.X(0), f.X(1), f.X(2), f.Y, f.Saved, T.CreateChecked(epsilon),
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
        if (f.Wants(2))
            Bias.AddGradient(f, f.Dy, f.Dx(2));
    }

    /// <summary>Runs one group for each row, which takes the variance in a second pass over it.</summary>
    private static void ForwardKernel(
        GpuView<T> x, GpuView<T> w, GpuView<T> b, GpuView<T> y, GpuView<T> saved, T eps, T columns)
    {
        int row = Grid.IdxX;
        T sum = T.Zero, squares = T.Zero;
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            sum += x[row, c];
        T mean = GroupSum.All(sum) / columns;
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            squares += (x[row, c] - mean) * (x[row, c] - mean);
        T inverse = T.One / T.Sqrt((GroupSum.All(squares) / columns) + eps);
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            y[row, c] = ((x[row, c] - mean) * inverse * w[c]) + b[c];
        if (Group.IdxX == 0)
        {
            saved[row, 0] = mean;
            saved[row, 1] = inverse;
        }
    }

    /// <summary>Runs one group for each row.</summary>
    private static void BackwardInputKernel(
        GpuView<T> x, GpuView<T> w, GpuView<T> dy, GpuView<T> saved, GpuView<T> dx, T columns)
    {
        int row = Grid.IdxX;
        T mean = saved[row, 0], inverse = saved[row, 1];
        T sum = T.Zero, dot = T.Zero;                               // the sums of g = dy w and of g h
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
        {
            T g = dy[row, c] * w[c];
            sum += g;
            dot += g * ((x[row, c] - mean) * inverse);
        }

        T meanSum = GroupSum.All(sum) / columns, meanDot = GroupSum.All(dot) / columns;
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            dx[row, c] += ((dy[row, c] * w[c]) - meanSum - ((x[row, c] - mean) * inverse * meanDot)) * inverse;
    }

    /// <summary>The term of a row in the gradient of w: dy (x - mean) / r.</summary>
    internal readonly struct WeightTerm(GpuView<T> x, GpuView<T> dy, GpuView<T> saved) : IGpuTerm<T>
    {
        private readonly GpuView<T> _x = x, _dy = dy, _saved = saved;

        public T At(int row, int column) => _dy[row, column] * ((_x[row, column] - _saved[row, 0]) * _saved[row, 1]);
    }
}
