using System.Numerics;

namespace VaccineRef.Kernels;

/// <summary>What attention kernels are told of their op.</summary>
internal readonly struct AttentionSizes<T>(CausalAttention<T> attention) where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Furthest = 1 << 30;                // beyond every sequence, and its double does not overflow

    /// <summary>Query heads that share a key-value head.</summary>
    public readonly int Group = attention.Heads / attention.KeyValueHeads;

    /// <summary>Columns of a head.</summary>
    public readonly int HeadSize = attention.HeadSize;

    /// <summary>How many keys a query sees.</summary>
    public readonly int Window = Math.Min(attention.Window ?? Furthest, Furthest);

    /// <summary>Multiplies the scores.</summary>
    public readonly T Scale = T.CreateChecked(attention.Scale);

    /// <summary>Finite, and below every score: the maximum of none.</summary>
    public readonly T Lowest = T.BitIncrement(T.NegativeInfinity);

    /// <summary>Below it e^x is no normal number.</summary>
    private readonly T _underflow = T.CreateChecked(typeof(T) == typeof(float) ? -87.3 : -708.3);

    /// <summary>e^x; exactly 0 where that is no normal number.</summary>
    public T Exp(T x) => x < _underflow ? T.Zero : T.Exp(x);

    /// <summary>Whether the query at a position sees the key at another.</summary>
    public bool Sees(int query, int key) => key <= query && query - key < Window;

    /// <summary>The first of the keys from <paramref name="key"/> on that a query sees, counted from there.</summary>
    public int FirstSeen(int query, int key) => Math.Max(0, query - key - Window + 1);
}
