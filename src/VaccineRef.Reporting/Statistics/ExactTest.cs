using VaccineRef.Core;

namespace VaccineRef.Reporting.Statistics;

/// <summary>
/// Two tests of "the sign of each seed's difference is a coin's throw". Both are two-sided and assume nothing about how
/// differences are distributed but that.
/// </summary>
public static class ExactTest
{
    /// <summary>Up to so many seeds that differ, every one of the 2^n assignments of signs is tried.</summary>
    public const int Exhaustive = 20;

    /// <summary>
    /// Sign test: twice the chance that of n fair coins min(plus, minus) or fewer show one side, at most 1. Seeds
    /// without a difference say nothing and are left out. 8 of 8: 2 / 2^8 = 0.0078125.
    /// </summary>
    public static double Sign(ReadOnlySpan<double> differences)
    {
        int plus = 0, minus = 0;
        foreach (double difference in differences)
        {
            plus += difference > 0 ? 1 : 0;
            minus += difference < 0 ? 1 : 0;
        }

        int coins = plus + minus;
        double term = Math.ScaleB(1, -coins), sum = 0;         // C(n, k) / 2^n, from k = 0
        for (int k = 0; k <= Math.Min(plus, minus); k++)
        {
            sum += term;
            term *= (coins - k) / (k + 1.0);
        }

        return Math.Min(1, 2 * sum);
    }

    /// <summary>
    /// Sign-flip permutation test of the mean: the share of the 2^n assignments of signs whose sum is as far from 0 as
    /// the one seen, or farther. With more than <see cref="Exhaustive"/> seeds that differ, the one seen and 2^20 - 1
    /// drawn at random stand for all. Source: Fisher, The Design of Experiments (1935), section 21; Phipson and Smyth
    /// (2010) for the draws.
    /// </summary>
    public static double Permutation(ReadOnlySpan<double> differences, RandomStream random)
    {
        double[] sizes = [.. differences.ToArray().Where(difference => difference != 0).Select(Math.Abs)];
        double seen = 0;
        foreach (double difference in differences)
            seen += difference;
        // sums equal on paper differ by rounding: far above that, far below the step between two scores, 1 / N
        double threshold = Math.Abs(seen) - (1e-10 * sizes.Sum());
        bool sampled = sizes.Length > Exhaustive;
        long assignments = 1L << Math.Min(sizes.Length, Exhaustive);
        long beyond = sampled ? 1 : 0;                         // the one seen
        for (long i = sampled ? 1 : 0; i < assignments; i++)
            beyond += Math.Abs(sampled ? Sum(sizes, random.At(i)) : Sum(sizes, i)) >= threshold ? 1 : 0;
        return (double)beyond / assignments;
    }

    private static double Sum(double[] sizes, long signs)
    {
        double sum = 0;
        for (int i = 0; i < sizes.Length; i++)
            sum += (signs >> i & 1) == 0 ? sizes[i] : -sizes[i];
        return sum;
    }

    private static double Sum(double[] sizes, RandomStream signs)
    {
        double sum = 0;
        for (int i = 0; i < sizes.Length; i++)
            sum += (signs.Bits(i) & 1) == 0 ? sizes[i] : -sizes[i];
        return sum;
    }
}
