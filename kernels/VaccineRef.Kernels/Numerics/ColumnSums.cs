using System.Numerics;
using System.Numerics.Tensors;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Adds a part of one row's term to <paramref name="sum"/>: the part that begins at column <paramref name="first"/>.
/// </summary>
internal delegate void RowTerm<T>(int row, int first, Span<T> sum);

/// <summary>
/// target += sum over rows of term(row): the gradient of every bias and of the weight of every norm. A thread owns some
/// columns, and adds the rows in chunks of <see cref="ChunkRows"/>, so that the error grows with ChunkRows + N /
/// ChunkRows and not with N.
/// </summary>
internal static class ColumnSums
{
    private const int ChunkRows = 64;

    /// <summary>Adds the terms of rows 0 to <paramref name="rows"/> into <paramref name="target"/>, (1, C).</summary>
    public static void Add<T>(Workers workers, int rows, View<T> target, RowTerm<T> term)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        workers.Blocks(target.Columns, BlockSizes.Columns, (first, end) =>
        {
            Span<T> sum = (stackalloc T[BlockSizes.Columns])[..(end - first)], total = target.Span[first..end];
            for (int chunk = 0; chunk < rows; chunk += ChunkRows)
            {
                sum.Clear();
                for (int row = chunk; row < Math.Min(rows, chunk + ChunkRows); row++)
                    term(row, first, sum);
                TensorPrimitives.Add(total, sum, total);
            }
        });

    /// <summary>Adds the rows of <paramref name="x"/>, (N, C), into <paramref name="target"/>, (1, C).</summary>
    public static void Add<T>(Workers workers, View<T> x, View<T> target)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        Add(
            workers, x.Rows, target,
            (row, first, sum) => TensorPrimitives.Add(sum, x.Row(row).Slice(first, sum.Length), sum));
}
