using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = x / r * w, where r = sqrt(mean(x^2) + eps), row by row. X: x (N, C) and w (1, C). Y: (N, C). Saved: 1 / r, (N,
/// 1). Backward: dx = (dy w - x s / C) / r with s = sum(dy w x) / r^2, and dw = the sum over rows of dy x / r. Error
/// against double: (C + 8) eps of |y|. NaN in a row stays in that row. N = 0 is legal. Source: Hugging Face
/// modeling_llama.py, LlamaRMSNorm; Zhang and Sennrich, arXiv 1910.07467, eq. 4.
/// </summary>
/// <param name="epsilon">eps, which is added inside the square root.</param>
public sealed partial class RmsNorm<T>(double epsilon) : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "RmsNorm";

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var hidden, var weight] && weight == Shape.Vector(hidden.Columns)
            ? hidden
            : throw new ShapeException(Name, x, "x (N, C) and w (1, C)");

    /// <inheritdoc/>
    public override Shape Saved(ReadOnlySpan<Shape> x) => new(x[0].Rows, 1);

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), y = f.Y, inverse = f.Saved;
        T eps = T.CreateChecked(epsilon), columns = T.CreateChecked(x.Columns);
        f.Workers.Blocks(x.Rows, BlockSizes.Rows, (first, end) =>
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
        View<T> x = f.X(0), dy = f.Dy, inverse = f.Saved;
        if (f.Wants(0))
            BackwardInput(f);
        if (f.Wants(1))
            ColumnSums.Add(f.Workers, x.Rows, f.Dx(1), [SkipLocalsInit] (row, first, sum) =>
            {
                Span<T> h = (stackalloc T[BlockSizes.Columns])[..sum.Length];
                TensorPrimitives.Multiply(x.Row(row).Slice(first, sum.Length), inverse.Span[row], h);
                TensorPrimitives.MultiplyAdd<T>(h, dy.Row(row).Slice(first, sum.Length), sum, sum);
            });
    }

    private static void BackwardInput(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), dy = f.Dy, dx = f.Dx(0), inverse = f.Saved;
        T columns = T.CreateChecked(x.Columns);
        f.Workers.Blocks(x.Rows, BlockSizes.Rows, [SkipLocalsInit] (first, end) =>
        {
            Span<T> strip = stackalloc T[BlockSizes.Strip];                        // dy w
            for (int row = first; row < end; row++)
            {
                T s = inverse.Span[row], dot = T.Zero;
                for (int start = 0; start < x.Columns; start += BlockSizes.Strip)
                {
                    var part = strip[..Math.Min(BlockSizes.Strip, x.Columns - start)];
                    TensorPrimitives.Multiply<T>(
                        dy.Row(row).Slice(start, part.Length), w.Span.Slice(start, part.Length), part);
                    dot += TensorPrimitives.Dot<T>(x.Row(row).Slice(start, part.Length), part);
                }

                T pull = -dot * s * s / columns;
                for (int start = 0; start < x.Columns; start += BlockSizes.Strip)
                {
                    var part = strip[..Math.Min(BlockSizes.Strip, x.Columns - start)];
                    var target = dx.Row(row).Slice(start, part.Length);
                    TensorPrimitives.Multiply(x.Row(row).Slice(start, part.Length), pull, part);
                    TensorPrimitives.MultiplyAdd<T>(
                        dy.Row(row).Slice(start, part.Length), w.Span.Slice(start, part.Length), part, part);
                    TensorPrimitives.MultiplyAdd(part, s, target, target);
                }
            }
        });
    }
}
