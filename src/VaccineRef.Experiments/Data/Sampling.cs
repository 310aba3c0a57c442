using System.Collections.Immutable;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Data;

/// <summary>Which rows of a pool are taken, and in which order they come.</summary>
[JsonConverter(typeof(SnakeCase<Sampling>))]
public enum Sampling
{
    /// <summary>
    /// The first rows, in the order of the file. The released code does this, since it no longer shuffles
    /// (docs/deviations.md, D5).
    /// </summary>
    FirstK,

    /// <summary>
    /// Rows drawn without replacement, in random order. The result depends only on the seed and the size of the pool.
    /// </summary>
    Shuffled,
}

/// <summary>Takes rows from pools.</summary>
public static class RowSampling
{
    /// <summary>Takes <paramref name="count"/> rows from a pool.</summary>
    /// <param name="sampling">Which rows are taken, and in which order they come.</param>
    /// <param name="pool">The rows to choose from.</param>
    /// <param name="count">How many rows to take.</param>
    /// <param name="seed">The seed. It has no effect on <see cref="Sampling.FirstK"/>.</param>
    /// <param name="name">
    /// What the rows are for, such as "alignment" or "harmful". Pools with different names are shuffled independently.
    /// </param>
    /// <exception cref="DataException">The pool has too few rows.</exception>
    public static ImmutableArray<Example> Take(
        this Sampling sampling, IReadOnlyList<Example> pool, int count, ulong seed, string name)
    {
        if (count < 0 || count > pool.Count)
            throw new DataException(
                $"too few {name} rows", found: $"{pool.Count} rows", expected: $"{count}",
                remedy: "ask for fewer rows or give a larger file");
        int[] order = Order(sampling, pool.Count, seed, name);
        return [.. order.Take(count).Select(row => pool[row])];
    }

    /// <summary>
    /// The order of n rows: 0, 1, ..., n - 1, or sorted by random 64-bit keys. The keys from one stream are all
    /// different, because SplitMix64 is a bijection of a counter. So there are no ties, and every permutation is
    /// equally likely.
    /// </summary>
    public static int[] Order(this Sampling sampling, int n, ulong seed, string name)
    {
        int[] order = [.. Enumerable.Range(0, n)];
        if (sampling == Sampling.Shuffled)
        {
            var stream = RandomStream.FromSeed(seed).At(name);
            Array.Sort(Array.ConvertAll(order, row => stream.Bits(row)), order);
        }

        return order;
    }
}
