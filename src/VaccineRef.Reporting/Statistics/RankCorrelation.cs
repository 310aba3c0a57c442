using VaccineRef.Core;

namespace VaccineRef.Reporting.Statistics;

/// <summary>
/// Spearman's rank correlation: Pearson's correlation of ranks, where equal values share the mean of their places. It
/// is 1 if one quantity rises wherever the other does, and -1 if it falls. Source: Spearman, Amer. J. Psychol. 15
/// (1904).
/// </summary>
public static class RankCorrelation
{
    private const int Least = 3;                    // two points always lie on a line
    private const int Draws = 1 << 14;

    /// <summary>
    /// The correlation; null with fewer than three pairs, or where one of the quantities does not vary.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">There are not as many of one as of the other.</exception>
    public static double? Of(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(second.Length, first.Length);
        return first.Length < Least ? null : Pearson(Ranks(first), Ranks(second));
    }

    /// <summary>
    /// The chance that the correlation is as far from 0 as the one seen, or farther, if the pairs are put together at
    /// random: the one seen and 2^14 - 1 random orders stand for all (Phipson and Smyth, 2010). Null where there is no
    /// correlation.
    /// </summary>
    public static double? PermutationP(ReadOnlySpan<double> first, ReadOnlySpan<double> second, RandomStream random)
    {
        if (Of(first, second) is not { } seen)
            return null;
        double[] x = Ranks(first), y = Ranks(second);
        // equal on paper: far above rounding, far below the step between two correlations
        const double rounding = 1e-10;
        int beyond = 1;
        for (int draw = 1; draw < Draws; draw++)
        {
            var order = random.At(draw);
            for (int i = y.Length - 1; i > 0; i--)
            {
                int other = order.Below(i + 1, i);
                (y[i], y[other]) = (y[other], y[i]);
            }

            beyond += Math.Abs(Pearson(x, y)!.Value) >= Math.Abs(seen) - rounding ? 1 : 0;
        }

        return (double)beyond / Draws;
    }

    /// <summary>The places of values in order, from 1; equal ones share the mean of theirs.</summary>
    internal static double[] Ranks(ReadOnlySpan<double> values)
    {
        double[] ordered = values.ToArray();
        int[] places = [.. Enumerable.Range(0, ordered.Length)];
        Array.Sort(ordered, places);
        var ranks = new double[ordered.Length];
        for (int from = 0, to; from < ordered.Length; from = to)
        {
            for (to = from + 1; to < ordered.Length && ordered[to] == ordered[from]; to++)
            {
            }

            foreach (int place in places.AsSpan(from, to - from))
                ranks[place] = (from + 1 + to) / 2.0;
        }

        return ranks;
    }

    // Means of ranks are (n + 1) / 2 whatever the ties, and sums of halves and quarters are exact.
    private static double? Pearson(double[] x, double[] y)
    {
        double mean = (x.Length + 1) / 2.0, both = 0, first = 0, second = 0;
        for (int i = 0; i < x.Length; i++)
        {
            both += (x[i] - mean) * (y[i] - mean);
            first += (x[i] - mean) * (x[i] - mean);
            second += (y[i] - mean) * (y[i] - mean);
        }

        return first > 0 && second > 0 ? both / Math.Sqrt(first * second) : null;
    }
}
