using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// The keys and values that some sequences have produced so far, for every layer of a model: (sequences *
/// RowsPerSequence, keyValueHeads * headSize), where sequence s begins at row s * RowsPerSequence. A pass of the model
/// writes its new rows into every layer, behind the <see cref="Lengths"/>; after the pass, one call of
/// <see cref="Advance"/> counts them. Only one pass may run at a time.
/// </summary>
public sealed class KeyValueCache<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Arena _arena;
    private readonly View<T>[] _keys, _values;
    private readonly int[] _lengths;

    /// <summary>Makes an empty cache on <paramref name="device"/>.</summary>
    /// <param name="device">The device that the model runs on.</param>
    /// <param name="layers">Number of attention layers of the model.</param>
    /// <param name="sequences">Number of sequences that are read at the same time.</param>
    /// <param name="capacity">The largest number of tokens of a sequence.</param>
    /// <param name="keyValueHeads">Number of heads of k and v.</param>
    /// <param name="headSize">Number of columns of a head.</param>
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

    /// <summary>The largest number of tokens of a sequence.</summary>
    public int Capacity { get; }

    /// <summary>Number of rows set aside for a sequence: the capacity, rounded up to whole blocks of keys.</summary>
    public int RowsPerSequence { get; }

    /// <summary>Number of columns of k and v, keyValueHeads * headSize.</summary>
    public int Columns { get; }

    /// <summary>Number of sequences.</summary>
    public int Sequences => _lengths.Length;

    /// <summary>How many tokens of each sequence have been read.</summary>
    public IReadOnlyList<int> Lengths => _lengths;

    /// <summary>
    /// The keys of a layer, with room for (sequences * RowsPerSequence, columns) elements. How they lie within a
    /// sequence is up to the kernels of the device. The processor keeps them transposed, (columns, RowsPerSequence),
    /// and the first Lengths[s] columns are in use.
    /// </summary>
    public View<T> Keys(int layer) => _keys[layer];

    /// <summary>
    /// The values of a layer, with the same room. The processor keeps each head by itself, (keyValueHeads *
    /// RowsPerSequence, headSize), and the first Lengths[s] rows of each head are in use.
    /// </summary>
    public View<T> Values(int layer) => _values[layer];

    /// <summary>Adds the rows that a pass has written to every layer to the lengths.</summary>
    /// <param name="counts">The number of new tokens of each sequence, which may be 0.</param>
    /// <exception cref="InputException">There is no room for them.</exception>
    public void Advance(params ReadOnlySpan<int> counts)
    {
        RequireRoom("KeyValueCache", counts);
        for (int s = 0; s < counts.Length; s++)
            _lengths[s] += counts[s];
    }

    /// <inheritdoc/>
    public void Dispose() => _arena.Dispose();

    /// <summary>The same numbers as <see cref="Lengths"/>.</summary>
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
