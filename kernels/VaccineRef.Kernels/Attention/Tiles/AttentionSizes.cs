using System.Numerics;

namespace VaccineRef.Kernels;

/// <summary>What the kernels of attention need to know of their op.</summary>
internal readonly struct AttentionSizes<T>(CausalAttention<T> attention) where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Furthest = 1 << 30;      // longer than any sequence; twice as much does not overflow

    /// <summary>The number of query heads that share a key-value head.</summary>
    public readonly int Group = attention.Heads / attention.KeyValueHeads;

    /// <summary>The number of columns of a head.</summary>
    public readonly int HeadSize = attention.HeadSize;

    /// <summary>How many keys a query sees.</summary>
    public readonly int Window = Math.Min(attention.Window ?? Furthest, Furthest);

    /// <summary>The factor of the scores.</summary>
    public readonly T Scale = T.CreateChecked(attention.Scale);

    /// <summary>A finite number below every score, which stands for the maximum of no scores.</summary>
    public readonly T Lowest = T.BitIncrement(T.NegativeInfinity);

    /// <summary>The number below which e^x is not a normal number.</summary>
    private readonly T _underflow = T.CreateChecked(typeof(T) == typeof(float) ? -87.3 : -708.3);

    /// <summary>e^x, and exactly 0 where that is not a normal number.</summary>
    public T Exp(T x) => x < _underflow ? T.Zero : T.Exp(x);

    /// <summary>Whether the query at one position sees the key at another.</summary>
    public bool Sees(int query, int key) => key <= query && query - key < Window;

    /// <summary>
    /// The first key that a query sees among those from position <paramref name="key"/> on, counted from there.
    /// </summary>
    public int FirstSeen(int query, int key) => Math.Max(0, query - key - Window + 1);
}
