using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y_ids[m] = x_m, and every other row of y is 0: it puts rows that <see cref="Embedding{T}"/> took out back in their
/// places. X: x (M, C). Ids: M row numbers, ascending. Y: (rows, C). Backward: dx_m += dy_ids[m]. The result is exact.
/// NaN stays in its row. M = 0 is legal. Source: torch.Tensor.index_copy onto zeros.
/// </summary>
/// <param name="rows">The number of rows of y.</param>
public sealed partial class Scatter<T>(int rows) : Op<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "Scatter";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => false;

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) =>
        x is [var some] && some.Rows <= rows
            ? new(rows, some.Columns)
            : throw new ShapeException(Name, x, $"x (M, C) with M at most {rows}");

    /// <inheritdoc/>
    public override void Check(ReadOnlySpan<Shape> x, ReadOnlySpan<int> ids)
    {
        if (ids.Length != x[0].Rows)
            throw new ShapeException(Name, $"{ids.Length} row numbers for x {x[0]}", "one for every row");
        for (int m = 0; m < ids.Length; m++)
            if (ids[m] >= rows || ids[m] <= (m == 0 ? -1 : ids[m - 1]))
                throw new ShapeException(
                    Name, $"row number {ids[m]} at row {m}", $"numbers that ascend, from 0 to {rows - 1}");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> x = f.X(0), y = f.Y;
        var ids = f.Ids;
        f.Workers.Blocks(y.Rows, BlockSizes.Rows, (first, end) =>
        {
            int m = ids.Span.BinarySearch(first);
            m = m < 0 ? ~m : m;                                         // the first row of x from here on
            for (int row = first; row < end; row++)
                if (m < ids.Length && ids.Span[m] == row)
                    x.Row(m++).CopyTo(y.Row(row));
                else
                    y.Row(row).Clear();
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (!f.Wants(0))
            return;
        View<T> dx = f.Dx(0), dy = f.Dy;
        var ids = f.Ids;
        f.Workers.Blocks(dx.Rows, BlockSizes.Rows, (first, end) =>
        {
            for (int m = first; m < end; m++)
                TensorPrimitives.Add(dx.Row(m), dy.Row(ids.Span[m]), dx.Row(m));
        });
    }
}
