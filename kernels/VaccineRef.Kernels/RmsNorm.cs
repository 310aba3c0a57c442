using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = x / r * w with r = sqrt(mean(x^2) + eps) per row. X: x (N, C), w (1, C). Y: (N, C). Saved: 1 / r, (N, 1).
/// Backward: dx = (dy w - x s / C) / r with s = sum(dy w x) / r^2; dw = sum over rows of dy x / r.
/// Error against double: below (C + 8) eps relative to the row's norm. NaN in a row stays in that row. N = 0 is legal.
/// Source: Hugging Face modeling_llama.py, LlamaRMSNorm; Zhang and Sennrich, arXiv 1910.07467, eq. 4.
/// </summary>
/// <param name="epsilon">eps, inside the square root.</param>
public sealed class RmsNorm<T>(double epsilon) : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int RowsPerBlock = 16;      // fixed: the cut must not depend on the number of threads

    /// <inheritdoc/>
    public override string Name => "RmsNorm";

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) => x is [var hidden, var weight] && weight == Shape.Vector(hidden.Columns)
        ? hidden
        : throw new ShapeException(Name, x, "x (N, C) and w (1, C)");

    /// <inheritdoc/>
    public override Shape Saved(ReadOnlySpan<Shape> x) => new(x[0].Rows, 1);

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), y = f.Y, inverse = f.Saved;
        T eps = T.CreateChecked(epsilon), columns = T.CreateChecked(x.Columns);
        f.Workers.Blocks(x.Rows, RowsPerBlock, (first, end) =>
        {
            for (int row = first; row < end; row++)
            {
                T s = T.One / T.Sqrt((TensorPrimitives.SumOfSquares<T>(x.Row(row)) / columns) + eps);
                inverse.Span[row] = s;
                TensorPrimitives.Multiply(x.Row(row), s, y.Row(row));
                TensorPrimitives.Multiply(y.Row(row), w.Span, y.Row(row));
            }
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (f.Wants(0))
            BackwardInput(f);
        if (f.Wants(1))
            BackwardWeight(f);
    }

    private static void BackwardInput(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), dy = f.Dy, dx = f.Dx(0), inverse = f.Saved;
        T columns = T.CreateChecked(x.Columns);
        var scratch = f.Scratch(x.Shape);                                      // dy w
        f.Workers.Blocks(x.Rows, RowsPerBlock, (first, end) =>
        {
            for (int row = first; row < end; row++)
            {
                T s = inverse.Span[row];
                var dyw = scratch.Row(row);
                TensorPrimitives.Multiply(dy.Row(row), w.Span, dyw);
                T dot = TensorPrimitives.Dot<T>(dyw, x.Row(row));
                TensorPrimitives.MultiplyAdd(dyw, s, dx.Row(row), dx.Row(row));
                TensorPrimitives.MultiplyAdd(x.Row(row), -dot * s * s * s / columns, dx.Row(row), dx.Row(row));
            }
        });
    }

    private static void BackwardWeight(CpuFrame<T> f)
    {
        View<T> x = f.X(0), dy = f.Dy, dw = f.Dx(1), inverse = f.Saved;
        f.Workers.Blocks(x.Columns, ColumnsPerBlock, (first, end) =>
        {
            int count = end - first;
            Span<T> sum = dw.Span[first..end], product = stackalloc T[ColumnsPerBlock];
            product = product[..count];
            for (int row = 0; row < x.Rows; row++)
            {
                TensorPrimitives.Multiply(x.Row(row).Slice(first, count), inverse.Span[row], product);
                TensorPrimitives.MultiplyAdd(product, dy.Row(row).Slice(first, count), sum, sum);
            }
        });
    }

    private const int ColumnsPerBlock = 256;
}
