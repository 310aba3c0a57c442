using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>The data of a harmful fine-tuning attack: a share of harmful rows among benign ones.</summary>
/// <param name="Examples">The rows in training order.</param>
/// <param name="Counts">How many are harmful and how many benign.</param>
public sealed record Mixture(ImmutableArray<Example> Examples, MixtureCounts Counts)
{
    /// <summary>
    /// Mixes. <see cref="Sampling.FirstK"/>: the first harmful rows, then the first benign ones, as released.
    /// <see cref="Sampling.Shuffled"/>: rows of either kind drawn by the seed, then all of them put in random order.
    /// </summary>
    /// <param name="harmful">The harmful rows to choose from.</param>
    /// <param name="benign">The benign rows to choose from.</param>
    /// <param name="ratio">The share p of harmful rows.</param>
    /// <param name="total">How many rows in all, n.</param>
    /// <param name="sampling">Which rows, in which order.</param>
    /// <param name="seed">The seed of the shuffles.</param>
    /// <exception cref="DataException">Too few rows of a kind, or one row is taken twice.</exception>
    public static Mixture Compose(
        IReadOnlyList<Example> harmful, IReadOnlyList<Example> benign, decimal ratio, int total,
        Sampling sampling, ulong seed)
    {
        var counts = MixtureCounts.Of(ratio, total);
        ImmutableArray<Example> both =
        [
            .. sampling.Take(harmful, counts.Harmful, seed, "harmful"),
            .. sampling.Take(benign, counts.Benign, seed, "benign"),
        ];
        if (both.CountBy(example => example.Id).FirstOrDefault(id => id.Value > 1) is { Key: { } twice })
            throw new DataException(
                "a row is in a mixture twice", twice, expected: "harmful and benign rows from different files or rows",
                remedy: "files with one name must be told apart: rename one");
        int[] order = sampling.Order(both.Length, seed, "mixture");
        return new([.. order.Select(row => both[row])], counts);
    }
}
