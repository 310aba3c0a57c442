using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y_n = sum over c of (x0 - x1)^2: how far hidden embeddings have drifted, row by row. X: x0 and x1, (N, C). Y: (N,
/// 1). Backward: dx0 = 2 dy (x0 - x1) and dx1 = -dx0. The sums are in double; error against double: 4 eps of y, which
/// comes from the differences. NaN stays in its row. Source: the embedding drift of arXiv 2402.01109, section 3.
/// </summary>
public sealed partial class SquaredDistance<T> : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "SquaredDistance";

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) => x is [var first, var second] && first == second
        ? new(first.Rows, 1)
        : throw new ShapeException(Name, x, "x0 (N, C) and x1 (N, C)");

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x0 = f.X(0), x1 = f.X(1), y = f.Y;
        f.Workers.Blocks(x0.Rows, BlockSizes.Rows, [SkipLocalsInit] (first, end) =>
        {
            Span<T> strip = stackalloc T[BlockSizes.Strip];
            for (int row = first; row < end; row++)
            {
                double sum = 0;
                for (int start = 0; start < x0.Columns; start += BlockSizes.Strip)
                {
                    var part = strip[..Math.Min(BlockSizes.Strip, x0.Columns - start)];
                    TensorPrimitives.Subtract<T>(
                        x0.Row(row).Slice(start, part.Length), x1.Row(row).Slice(start, part.Length), part);
                    sum += DoubleSums.Dot<T>(part, part);
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
    }

    /// <summary>Computes dx += factor dy (x0 - x1).</summary>
    private static void AddGradient(CpuFrame<T> f, T factor, View<T> dx)
    {
        View<T> x0 = f.X(0), x1 = f.X(1), dy = f.Dy;
        f.Workers.Blocks(x0.Rows, BlockSizes.Rows, [SkipLocalsInit] (first, end) =>
        {
            Span<T> strip = stackalloc T[BlockSizes.Strip];
            for (int row = first; row < end; row++)
                for (int start = 0; start < x0.Columns; start += BlockSizes.Strip)
                {
                    var part = strip[..Math.Min(BlockSizes.Strip, x0.Columns - start)];
                    var target = dx.Row(row).Slice(start, part.Length);
                    TensorPrimitives.Subtract<T>(
                        x0.Row(row).Slice(start, part.Length), x1.Row(row).Slice(start, part.Length), part);
                    TensorPrimitives.MultiplyAdd(part, factor * dy.Span[row], target, target);
                }
        });
    }
}
