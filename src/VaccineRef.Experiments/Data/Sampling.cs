using System.Collections.Immutable;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Data;

/// <summary>Which rows of a pool are taken, and in which order they come.</summary>
[JsonConverter(typeof(SnakeCase<Sampling>))]
public enum Sampling
{
    /// <summary>The first rows, in file order, as the released code does since it lost its shuffling (D5).</summary>
    FirstK,

    /// <summary>
    /// Rows drawn without replacement, in random order: a pure function of the seed and the pool's size.
    /// </summary>
    Shuffled,
}

/// <summary>Taking rows from pools.</summary>
public static class RowSampling
{
    /// <summary>Takes <paramref name="count"/> rows from a pool.</summary>
    /// <param name="sampling">Which rows, in which order.</param>
    /// <param name="pool">The rows to choose from.</param>
    /// <param name="count">How many are taken.</param>
    /// <param name="seed">The seed; without effect on <see cref="Sampling.FirstK"/>.</param>
    /// <param name="name">
    /// What the rows are for ("alignment", "harmful"): pools with different names are shuffled independently.
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
    /// The order of n rows: 0, 1, ..., n - 1, or sorted by random 64-bit keys. The keys of one stream are distinct
    /// (SplitMix64 is a bijection of a counter), so the order is a uniform permutation without ties.
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
