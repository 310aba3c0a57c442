using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>The data of a harmful fine-tuning attack: a share of harmful rows among benign ones.</summary>
/// <param name="Examples">The rows in training order.</param>
/// <param name="Counts">How many rows are harmful and how many are benign.</param>
public sealed record Mixture(ImmutableArray<Example> Examples, MixtureCounts Counts)
{
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
