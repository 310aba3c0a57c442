using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>The data of a harmful fine-tuning attack: a share of harmful rows among benign ones.</summary>
/// <param name="Examples">The rows in training order.</param>
/// <param name="Counts">How many rows are harmful and how many are benign.</param>
public sealed record Mixture(ImmutableArray<Example> Examples, MixtureCounts Counts)
{
    /// <summary>Rows that were drawn and of which nothing was left to learn; others were drawn for them.</summary>
    public ImmutableArray<Example> Dropped { get; init; } = [];

    /// <summary>What became of the rows of the harmful and of the benign file.</summary>
    public ImmutableArray<RowCounts> Pools { get; init; } = [];

    /// <summary>
    /// Mixes harmful and benign rows. <see cref="Sampling.FirstK"/> takes the first harmful rows, followed by the first
    /// benign ones, as the released code does. <see cref="Sampling.Shuffled"/> draws rows of either kind by the seed,
    /// and then puts all of them in random order.
    /// </summary>
    /// <param name="harmful">The harmful rows to choose from.</param>
    /// <param name="benign">The benign rows to choose from.</param>
    /// <param name="ratio">The share p of rows that are harmful.</param>
    /// <param name="total">The total number of rows n.</param>
    /// <param name="sampling">Which rows are taken, and in which order they come.</param>
    /// <param name="seed">The seed of the random choices.</param>
    /// <exception cref="DataException">There are too few rows of one kind, or a row was taken twice.</exception>
    public static Mixture Compose(
        IReadOnlyList<Example> harmful, IReadOnlyList<Example> benign, decimal ratio, int total,
        Sampling sampling, ulong seed) =>
        Compose(RowPool.Of("harmful", harmful), RowPool.Of("benign", benign), ratio, total, sampling, seed);

    /// <summary>
    /// Mixes, and draws again for every row that does not fit, so that the counts are those of the rows trained.
    /// </summary>
    /// <param name="harmful">The harmful rows to choose from.</param>
    /// <param name="benign">The benign rows to choose from.</param>
    /// <param name="ratio">The share p of harmful rows.</param>
    /// <param name="total">How many rows in all, n.</param>
    /// <param name="sampling">Which rows, in which order.</param>
    /// <param name="seed">The seed of the shuffles.</param>
    /// <param name="fits">Whether something of a row is left to learn; null where that is not known.</param>
    /// <exception cref="DataException">Too few rows of a kind, or one row is taken twice.</exception>
    public static Mixture Compose(
        RowPool harmful, RowPool benign, decimal ratio, int total, Sampling sampling, ulong seed,
        Func<Example, bool>? fits = null)
    {
        var counts = MixtureCounts.Of(ratio, total);
        var first = harmful.Draw(sampling, counts.Harmful, seed, fits);
        var second = benign.Draw(sampling, counts.Benign, seed, fits);
        ImmutableArray<Example> both = [.. first.Rows, .. second.Rows];
        if (both.CountBy(example => example.Key).FirstOrDefault(key => key.Value > 1) is { Key: { } twice })
            throw new DataException(
                "a row is in a mixture twice",
                string.Join(" and ", both.Where(row => row.Key == twice).Select(row => row.Id).Distinct()),
                found: "one row, harmful and benign", expected: "harmful and benign rows from different files or rows",
                remedy: "give two files, or one file whose is_safe labels tell its rows apart");
        int[] order = sampling.Order(both.Length, seed, "mixture");
        return new([.. order.Select(row => both[row])], counts)
        {
            Dropped = [.. first.Dropped, .. second.Dropped],
            Pools = [first.Counts, second.Counts],
        };
    }
}
