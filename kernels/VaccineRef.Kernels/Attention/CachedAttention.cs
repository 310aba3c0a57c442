using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// <see cref="CausalAttention{T}"/> for the next rows of sequences whose earlier keys and values are kept in a cache.
/// The op appends the new keys and values to those of their sequences and lets the new queries see old and new keys.
/// The result is bit for bit what attention over the whole sequence gives.
/// X: q (N, heads * headSize), k and v (N, keyValueHeads * headSize): the new rows of all sequences, one sequence after
/// the other. Ids: the offsets of the sequences, one more than the cache has sequences; a sequence may bring many rows,
/// one or none. Y: as q. The op does not change the lengths in the cache: <see cref="KeyValueCache{T}.Advance"/> does,
/// when all layers have been written. Forward only.
/// </summary>
/// <param name="attention">The attention: heads, sizes, scale and window.</param>
/// <param name="cache">Where keys and values are kept.</param>
/// <param name="layer">Which layer of the cache to use.</param>
public sealed partial class CachedAttention<T>(CausalAttention<T> attention, KeyValueCache<T> cache, int layer) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int FewRows = 8;

    /// <inheritdoc/>
    public override string Name => "CachedAttention";

    /// <inheritdoc/>
    public override Shape Infer(ReadOnlySpan<Shape> x)
    {
        var shape = attention.Infer(x);
        return x[1].Columns == cache.Columns
            ? shape
            : throw new ShapeException(Name, x, $"k and v (N, {cache.Columns}), as the cache has them");
    }

    /// <inheritdoc/>
    /// <exception cref="InputException">The cache has no room for the new rows.</exception>
    public override void Check(ReadOnlySpan<Shape> x, ReadOnlySpan<int> ids)
    {
        attention.Check(x, ids);
        var counts = new int[ids.Length - 1];
        for (int s = 0; s < counts.Length; s++)
            counts[s] = ids[s + 1] - ids[s];
        cache.RequireRoom(Name, counts);
    }

    /// <inheritdoc/>
    public override void Forward(CpuFrame<T> f)
    {
        Append(f);
        bool fresh = true;
        for (int s = 0; s < cache.Sequences; s++)
            fresh &= cache.Past[s] == 0 || f.Ids.Span[s] == f.Ids.Span[s + 1];
        if (fresh)
            attention.Attend(f.Workers, f.X(0), f.X(1), f.X(2), f.Y, default, f.Ids, f.Ids);
        else
            AttendOneByOne(f);
    }

    /// <summary>
    /// Appends the new keys, transposed, and the new values, head by head, to those of their sequences.
    /// </summary>
    private unsafe void Append(CpuFrame<T> f)
    {
        View<T> k = f.X(1), v = f.X(2);
        T* keys = cache.Keys(layer).Address, values = cache.Values(layer).Address;
        int columns = cache.Columns, capacity = cache.RowsPerSequence, size = attention.HeadSize;
        for (int s = 0; s < cache.Sequences; s++)
        {
            int first = f.Ids.Span[s], count = f.Ids.Span[s + 1] - first, at = cache.Past[s];
            nint start = (nint)s * capacity * columns;
            for (int i = 0; i < count; i++)
            {
                ReadOnlySpan<T> key = k.Row(first + i), value = v.Row(first + i);
                for (int c = 0; c < columns; c++)
                    keys[start + ((nint)c * capacity) + at + i] = key[c];
                for (int c = 0; c < columns; c += size)
                    value.Slice(c, size).CopyTo(new(values + start + ((nint)c * capacity) + ((at + i) * size), size));
            }
        }
    }

    /// <summary>
    /// Lets every new query by itself attend to the keys in the cache. A task is a row, or, where there are few rows,
    /// one key-value head of a row.
    /// </summary>
    private unsafe void AttendOneByOne(CpuFrame<T> f)
    {
        var (offsets, q, y) = (f.Ids, f.X(0), f.Y);
        int shared = attention.KeyValueHeads, group = attention.Heads / shared, perTask = q.Rows < FewRows ? 1 : shared;
        f.Workers.For(q.Rows * shared / perTask, index =>
        {
            var (row, first) = Math.DivRem(index * perTask, shared);
            int s = offsets.Span.BinarySearch(row);
            s = s < 0 ? ~s - 1 : s;
            while (offsets.Span[s + 1] <= row)                          // passes sequences that have no new rows
                s++;
            int size = attention.HeadSize, capacity = cache.RowsPerSequence;
            int position = cache.Past[s] + row - offsets.Span[s];
            for (int head = first * group; head < (first + perTask) * group; head++)
            {
                nint at = ((nint)row * q.Columns) + (head * size);
                nint keys = ((nint)s * cache.Columns + (head / group * size)) * capacity;
                SingleQuery.Attend(
                    attention, q.Address + at, cache.Keys(layer).Address + keys, capacity,
                    cache.Values(layer).Address + keys, position, y.Address + at);
            }
        });
    }

    /// <summary>Not available: the op runs forward only.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public override void Backward(CpuFrame<T> f) =>
        throw new InvalidOperationException($"{Name} runs forward only: train with CausalAttention.");
}
