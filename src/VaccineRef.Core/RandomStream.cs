namespace VaccineRef.Core;

/// <summary>
/// Random numbers without state: the bits of element i are mix(key + i * gamma). Any element can therefore be drawn by
/// any thread, on any device and in any order, and the reverse pass can draw it again. A stream is derived from another
/// one by a name or a number: seed, step, pass, layer.
/// Source: SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
/// </summary>
/// <param name="Key">The key of this stream.</param>
public readonly record struct RandomStream(ulong Key)
{
    private const ulong Gamma = 0x9E3779B97F4A7C15;

    /// <summary>The stream of a seed.</summary>
    public static RandomStream FromSeed(ulong seed) => new(Mix(seed + Gamma));

    /// <summary>
    /// The stream numbered <paramref name="index"/> below this one. Its numbers are independent of this stream's.
    /// </summary>
    public RandomStream At(long index) => new(Mix(Mix(Key ^ 0xD1B54A32D192ED03) + ((ulong)index + 1) * Gamma));

    /// <summary>
    /// The stream of this name below this one. The name is hashed by 64-bit FNV-1a over its UTF-16 units.
    /// </summary>
    public RandomStream At(ReadOnlySpan<char> name)
    {
        ulong hash = 0xCBF29CE484222325;
        foreach (char unit in name)
            hash = (hash ^ unit) * 0x100000001B3;
        return At((long)hash);
    }

    /// <summary>The 64 random bits of element <paramref name="index"/>.</summary>
    public ulong Bits(long index) => Mix(Key + (ulong)index * Gamma);

    /// <summary>A uniform random number in [0, 1), with 53 random bits.</summary>
    public double Uniform(long index) => (Bits(index) >> 11) * (1.0 / (1UL << 53));

    /// <summary>
    /// A uniform random integer in [0, bound), where bound is at least 1. The bias is below bound / 2^64.
    /// </summary>
    public int Below(int bound, long index) => (int)Math.BigMul(Bits(index), (ulong)bound, out _);

    /// <summary>
    /// A standard normal random number, by the Box-Muller transform of elements 2 index and 2 index + 1.
    /// </summary>
    public double Normal(long index)
    {
        double radius = Math.Sqrt(-2 * Math.Log(1 - Uniform(2 * index)));    // 1 - u lies in (0, 1]
        return radius * Math.Cos(2 * Math.PI * Uniform((2 * index) + 1));
    }

    /// <summary>Puts the items into a random order (Fisher-Yates shuffle).</summary>
    public void Shuffle<TItem>(Span<TItem> items)
    {
        for (int last = items.Length - 1; last > 0; last--)
        {
            int other = Below(last + 1, last);
            (items[last], items[other]) = (items[other], items[last]);
        }
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
