using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// y_n = table[ids_n + offset]: token embeddings, position embeddings, and any other gathering of rows. X: table (V,
/// C). Ids: N row numbers. Y: (N, C). Backward: dtable[ids_n + offset] += dy_n in the order of n; row
/// <paramref name="paddingId"/> of the table gets nothing. The result is exact. NaN stays in its row. N = 0 is legal.
/// An id outside the table is a <see cref="ShapeException"/>. Source: torch.nn.Embedding; Hugging Face modeling_opt.py,
/// OPTLearnedPositionalEmbedding, whose offset is 2.
/// </summary>
/// <param name="offset">A number that is added to every id.</param>
/// <param name="paddingId">The row of the table that takes no gradient; -1 for none.</param>
public sealed partial class Embedding<T>(int offset = 0, int paddingId = -1) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <inheritdoc/>
    public override string Name => "Embedding";

    /// <inheritdoc/>
    public override bool Reads(int input, int gradient) => false;

    /// <inheritdoc/>
    public override bool IsCheap => true;

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x) => Infer(x, 0);

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x, int ids) =>
        x is [var table] ? new(ids, table.Columns) : throw new ShapeException(Name, x, "table (V, C)");

    /// <inheritdoc/>
    public override void Check(ReadOnlySpan<Shape> x, ReadOnlySpan<int> ids)
    {
        for (int n = 0; n < ids.Length; n++)
            if ((uint)(ids[n] + offset) >= (uint)x[0].Rows)
                throw new ShapeException(
                    Name, $"id {ids[n]} + offset {offset} at row {n}, table {x[0]}", $"0 to {x[0].Rows - 1}");
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        View<T> table = f.X(0), y = f.Y;
        var ids = f.Ids;
        f.Workers.Blocks(y.Rows, BlockSizes.Rows, (first, end) =>
        {
            for (int row = first; row < end; row++)
                table.Row(ids.Span[row] + offset).CopyTo(y.Row(row));
        });
    }

    /// <inheritdoc/>
    public override void Backward(CpuFrame<T> f)
    {
        if (!f.Wants(0))
            return;
        View<T> dtable = f.Dx(0), dy = f.Dy;
        var ids = f.Ids;
        // Every column belongs to one thread, so that no two threads add to the same element.
        f.Workers.Blocks(dy.Columns, BlockSizes.Columns, (first, end) =>
        {
            for (int row = 0; row < dy.Rows; row++)
            {
                if (ids.Span[row] + offset == paddingId)
                    continue;
                var target = dtable.Row(ids.Span[row] + offset)[first..end];
                TensorPrimitives.Add(target, dy.Row(row)[first..end], target);
            }
        });
    }
}
