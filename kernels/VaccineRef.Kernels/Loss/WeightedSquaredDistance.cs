using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y_n = sum over c of w (x0 - x1)^2: a quadratic penalty for the distance from an anchor, row by row. X: x0, x1 and w,
/// (N, C). Y: (N, 1). Backward: dx0 = 2 dy w (x0 - x1), dx1 = -dx0 and dw = dy (x0 - x1)^2. The sums are in double;
/// error against double: 6 eps of sum |w| (x0 - x1)^2. NaN stays in its row. Source: the penalty of elastic weight
/// consolidation, arXiv 1612.00796, eq. 3.
/// </summary>
public sealed partial class WeightedSquaredDistance<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "WeightedSquaredDistance";

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var first, var second, var weight] && first == second && first == weight
            ? new(first.Rows, 1)
            : throw new ShapeException(Name, x, "x0 (N, C), x1 (N, C) and w (N, C)");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> w = f.X(2), y = f.Y;
        f.Workers.Blocks(w.Rows, BlockSizes.Rows, [SkipLocalsInit] (first, end) =>
        {
            Span<T> difference = stackalloc T[BlockSizes.Strip], weighted = stackalloc T[BlockSizes.Strip];
            for (int row = first; row < end; row++)
            {
                double sum = 0;
                for (int start = 0; start < w.Columns; start += BlockSizes.Strip)
                {
                    var part = Difference(f, row, start, difference);
                    TensorPrimitives.Multiply(w.Row(row).Slice(start, part.Length), part, weighted);
                    sum += DoubleSums.Dot<T>(part, weighted[..part.Length]);
                }

                y.Span[row] = T.CreateTruncating(sum);
            }
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (f.Wants(0))
            AddGradient(f, T.CreateChecked(2), f.Dx(0));
        if (f.Wants(1))
            AddGradient(f, T.CreateChecked(-2), f.Dx(1));
        if (f.Wants(2))
            AddWeightGradient(f);
    }

    /// <summary>Computes dx += factor dy w (x0 - x1).</summary>
    private static void AddGradient(CpuFrame<T> f, T factor, View<T> dx)
    {
        View<T> w = f.X(2), dy = f.Dy;
        f.Workers.Blocks(dx.Rows, BlockSizes.Rows, [SkipLocalsInit] (first, end) =>
        {
            Span<T> strip = stackalloc T[BlockSizes.Strip];
            for (int row = first; row < end; row++)
                for (int start = 0; start < dx.Columns; start += BlockSizes.Strip)
                {
                    var part = Difference(f, row, start, strip);
                    var target = dx.Row(row).Slice(start, part.Length);
                    TensorPrimitives.Multiply(w.Row(row).Slice(start, part.Length), part, part);
                    TensorPrimitives.MultiplyAdd(part, factor * dy.Span[row], target, target);
                }
        });
    }

    private static void AddWeightGradient(CpuFrame<T> f)
    {
        View<T> dw = f.Dx(2), dy = f.Dy;
        f.Workers.Blocks(dw.Rows, BlockSizes.Rows, [SkipLocalsInit] (first, end) =>
        {
            Span<T> strip = stackalloc T[BlockSizes.Strip];
            for (int row = first; row < end; row++)
                for (int start = 0; start < dw.Columns; start += BlockSizes.Strip)
                {
                    var part = Difference(f, row, start, strip);
                    var target = dw.Row(row).Slice(start, part.Length);
                    TensorPrimitives.Multiply(part, part, part);
                    TensorPrimitives.MultiplyAdd(part, dy.Span[row], target, target);
                }
        });
    }

    /// <summary>Computes x0 - x1 over a strip of a row.</summary>
    private static Span<T> Difference(CpuFrame<T> f, int row, int start, Span<T> strip)
    {
        View<T> x0 = f.X(0), x1 = f.X(1);
        var part = strip[..Math.Min(BlockSizes.Strip, x0.Columns - start)];
        TensorPrimitives.Subtract<T>(
            x0.Row(row).Slice(start, part.Length), x1.Row(row).Slice(start, part.Length), part);
        return part;
    }
}
