using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y = h w + b, where h = (x - mean) / r and r = sqrt(mean((x - mean)^2) + eps), row by row. X: x (N, C), w (1, C) and
/// b (1, C). Y: (N, C). Saved: mean and 1 / r, (N, 2). Backward, with g = dy w: dx = (g - mean(g) - h mean(g h)) / r,
/// dw = the sum over rows of dy h, and db = the sum of the rows of dy. The variance is taken in a second pass, so that
/// a large mean costs no digits beyond those that x - mean loses. Error against double: (C + 8) eps of the row's
/// largest (|x| + |mean|) / r |w| + |b|. NaN stays in its row. N = 0 is legal. Source: torch.nn.LayerNorm; Ba, Kiros
/// and Hinton, arXiv 1607.06450, eq. 4.
/// </summary>
/// <param name="epsilon">eps, which is added inside the square root.</param>
public sealed partial class LayerNorm<T>(double epsilon) : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "LayerNorm";

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var hidden, var weight, var bias] && weight == Shape.Vector(hidden.Columns) && bias == weight
            ? hidden
            : throw new ShapeException(Name, x, "x (N, C), w (1, C) and b (1, C)");

    /// <inheritdoc/>
    public override Shape Saved(ReadOnlySpan<Shape> x) => new(x[0].Rows, 2);

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), b = f.X(2), output = f.Y, saved = f.Saved;
        T eps = T.CreateChecked(epsilon), columns = T.CreateChecked(x.Columns);
        f.Workers.Blocks(x.Rows, BlockSizes.Rows, (first, end) =>
        {
            for (int row = first; row < end; row++)
            {
                var y = output.Row(row);
                T mean = TensorPrimitives.Sum<T>(x.Row(row)) / columns;
                TensorPrimitives.Subtract(x.Row(row), mean, y);
                T inverse = T.One / T.Sqrt((TensorPrimitives.SumOfSquares<T>(y) / columns) + eps);
                TensorPrimitives.Multiply(y, inverse, y);
                TensorPrimitives.MultiplyAdd<T>(y, w.Span, b.Span, y);
                (saved.Row(row)[0], saved.Row(row)[1]) = (mean, inverse);
            }
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), dy = f.Dy, saved = f.Saved;
        if (f.Wants(0))
            BackwardInput(f);
        if (f.Wants(1))
            ColumnSums.Add(f.Workers, x.Rows, f.Dx(1), [SkipLocalsInit] (row, first, sum) =>
            {
                Span<T> h = (stackalloc T[BlockSizes.Columns])[..sum.Length];
                Normalize(x.Row(row).Slice(first, sum.Length), saved.Row(row), h);
                TensorPrimitives.MultiplyAdd<T>(h, dy.Row(row).Slice(first, sum.Length), sum, sum);
            });
        if (f.Wants(2))
            ColumnSums.Add(f.Workers, dy, f.Dx(2));
    }

    private static void BackwardInput(CpuFrame<T> f)
    {
        View<T> x = f.X(0), w = f.X(1), dy = f.Dy, dx = f.Dx(0), saved = f.Saved;
        T columns = T.CreateChecked(x.Columns);
        f.Workers.Blocks(x.Rows, BlockSizes.Rows, [SkipLocalsInit] (first, end) =>
        {
            Span<T> strip = stackalloc T[BlockSizes.Strip];
            for (int row = first; row < end; row++)
            {
                T inverse = saved.Row(row)[1];
                T sum = T.Zero, dot = T.Zero;                       // the sums of g = dy w and of g h
                for (int start = 0; start < x.Columns; start += BlockSizes.Strip)
                {
                    var h = strip[..Math.Min(BlockSizes.Strip, x.Columns - start)];
                    Span<T> dyPart = dy.Row(row).Slice(start, h.Length), wPart = w.Span.Slice(start, h.Length);
                    sum += TensorPrimitives.Dot<T>(dyPart, wPart);
                    Normalize(x.Row(row).Slice(start, h.Length), saved.Row(row), h);
                    TensorPrimitives.Multiply<T>(h, wPart, h);
                    dot += TensorPrimitives.Dot<T>(dyPart, h);
                }

                for (int start = 0; start < x.Columns; start += BlockSizes.Strip)
                {
                    var part = strip[..Math.Min(BlockSizes.Strip, x.Columns - start)];
                    var target = dx.Row(row).Slice(start, part.Length);
                    Normalize(x.Row(row).Slice(start, part.Length), saved.Row(row), part);
                    TensorPrimitives.Multiply(part, -dot / columns, part);
                    TensorPrimitives.Subtract(part, sum / columns, part);
                    TensorPrimitives.MultiplyAdd<T>(
                        dy.Row(row).Slice(start, part.Length), w.Span.Slice(start, part.Length), part, part);
                    TensorPrimitives.MultiplyAdd(part, inverse, target, target);
                }
            }
        });
    }

    /// <summary>Computes h = (x - mean) / r.</summary>
    private static void Normalize(ReadOnlySpan<T> x, ReadOnlySpan<T> saved, Span<T> h)
    {
        TensorPrimitives.Subtract(x, saved[0], h);
        TensorPrimitives.Multiply(h, saved[1], h);
    }
}
