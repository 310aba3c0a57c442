using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// The keys and values of what some sequences have read so far, per layer: (sequences * RowsPerSequence, keyValueHeads
/// * headSize), with sequence s from row s * RowsPerSequence on. A pass of a model writes all layers behind <see
/// cref="Lengths"/>; then <see cref="Advance"/> moves the lengths, once. One pass at a time.
/// </summary>
public sealed class KeyValueCache<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Arena _arena;
    private readonly View<T>[] _keys, _values;
    private readonly int[] _lengths;

    /// <summary>An empty cache on <paramref name="device"/>.</summary>
    /// <param name="device">Where the model runs.</param>
    /// <param name="layers">Attention layers of the model.</param>
    /// <param name="sequences">Sequences read side by side.</param>
    /// <param name="capacity">The most tokens a sequence may reach.</param>
    /// <param name="keyValueHeads">Heads of k and v.</param>
    /// <param name="headSize">Columns of a head.</param>
    /// <exception cref="InputException">The device is out of memory.</exception>
    public KeyValueCache(Device device, int layers, int sequences, int capacity, int keyValueHeads, int headSize)
    {
        Capacity = capacity;
        Columns = keyValueHeads * headSize;
        _arena = new Arena(device);
        _lengths = new int[sequences];
        RowsPerSequence = checked((capacity + SingleQuery.Keys - 1) / SingleQuery.Keys * SingleQuery.Keys);
        var shape = new Shape(checked(sequences * RowsPerSequence), Columns);
        _keys = [.. Enumerable.Range(0, layers).Select(_ => _arena.Allocate<T>(shape))];
        _values = [.. Enumerable.Range(0, layers).Select(_ => _arena.Allocate<T>(shape))];
    }

    /// <summary>The most tokens a sequence may reach.</summary>
    public int Capacity { get; }

    /// <summary>Rows set aside for a sequence: the capacity in whole blocks of keys.</summary>
    public int RowsPerSequence { get; }

    /// <summary>Columns of k and v, keyValueHeads * headSize.</summary>
    public int Columns { get; }

    /// <summary>Number of sequences.</summary>
    public int Sequences => _lengths.Length;

    /// <summary>Tokens each sequence has read.</summary>
    public IReadOnlyList<int> Lengths => _lengths;

    /// <summary>
    /// The keys of a layer, room for (sequences * RowsPerSequence, columns). Within a sequence the device's kernels lay
    /// them out as they like: a processor transposed, (columns, RowsPerSequence), the first Lengths[s] columns in use.
    /// </summary>
    public View<T> Keys(int layer) => _keys[layer];

    /// <summary>
    /// The values of a layer, as much room. A processor keeps each head by itself: (keyValueHeads * RowsPerSequence,
    /// headSize), of which the first Lengths[s] rows of a head are in use.
    /// </summary>
    public View<T> Values(int layer) => _values[layer];

    /// <summary>Counts the rows that a pass has written to every layer as read.</summary>
    /// <param name="counts">New tokens of each sequence; 0 is legal.</param>
    /// <exception cref="InputException">There is no room for them.</exception>
    public void Advance(params ReadOnlySpan<int> counts)
    {
        RequireRoom("KeyValueCache", counts);
        for (int s = 0; s < counts.Length; s++)
            _lengths[s] += counts[s];
    }

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    /// <summary>As <see cref="Lengths"/>.</summary>
    internal ReadOnlySpan<int> Past => _lengths;

    internal void RequireRoom(string where, ReadOnlySpan<int> counts)
    {
        if (counts.Length != Sequences)
            throw new InputException(
                "these are not the cache's sequences", where, $"{counts.Length} sequences", $"{Sequences} sequences");
        for (int s = 0; s < counts.Length; s++)
            if (counts[s] < 0 || counts[s] > Capacity - _lengths[s])
                throw new InputException(
                    $"sequence {s} does not fit into the key-value cache", where,
                    $"{_lengths[s]} tokens read and {counts[s]} new", $"at most {Capacity} in all",
                    "fewer new tokens, a shorter prompt, or a cache of larger capacity");
    }
}
