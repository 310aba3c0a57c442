using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// <see cref="CausalAttention{T}"/> for the next rows of sequences whose earlier keys and values lie in a cache:
/// appends the new k and v behind each sequence's length, and lets the new queries see old and new. Bit for bit what
/// the whole sequence would give.
/// X: q (N, heads * headSize), k and v (N, keyValueHeads * headSize), the new rows of all sequences end to end. Ids:
/// their offsets, one more than the cache has sequences; a sequence may bring many rows, one, or none. Y: as q. Lengths
/// move by <see cref="KeyValueCache{T}.Advance"/>, not here. Forward only.
/// </summary>
/// <param name="attention">Heads, sizes, scale and window.</param>
/// <param name="cache">Where keys and values are kept.</param>
/// <param name="layer">The layer of the cache.</param>
public sealed class CachedAttention<T>(CausalAttention<T> attention, KeyValueCache<T> cache, int layer) : Op<T>
    where T : unmanaged, IFloatingPointIeee754<T>
{
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
        View<T> k = f.X(1), v = f.X(2), keys = cache.Keys(layer), values = cache.Values(layer);
        var offsets = f.Ids;
        f.Workers.For(cache.Sequences, s =>
        {
            int first = offsets.Span[s], count = offsets.Span[s + 1] - first;
            int row = cache.Starts.Span[s] + cache.Lengths[s];
            k.SliceRows(first, count).Span.CopyTo(keys.SliceRows(row, count).Span);
            v.SliceRows(first, count).Span.CopyTo(values.SliceRows(row, count).Span);
        });
        attention.Attend(f.Workers, f.X(0), keys, values, f.Y, default, offsets, cache.Starts, cache.Past);
    }

    /// <summary>There is none.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public override void Backward(CpuFrame<T> f) =>
        throw new InvalidOperationException($"{Name} runs forward only: train with CausalAttention.");
}
