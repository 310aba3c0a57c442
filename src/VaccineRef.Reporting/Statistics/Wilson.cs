using VaccineRef.Core;

namespace VaccineRef.Reporting.Statistics;

/// <summary>
/// The score interval of a share k / n: every p for which k lies within 1.96 standard deviations sqrt(n p (1 - p)) of
/// n p. Never empty and never outside [0, 1]. It takes the n for independent. Source: Wilson (1927), J. Amer. Statist.
/// Assoc. 22.
/// </summary>
public static class Wilson
{
    // The 0.975 quantile of the standard normal distribution.
    private const double Z = 1.959963984540054;

    /// <summary>The 95 % interval of k of n.</summary>
    /// <exception cref="InputException">Not 0 &lt;= k &lt;= n, or n is 0.</exception>
    public static Interval Of(int k, int n)
    {
        if (n < 1 || k < 0 || k > n)
            throw new InputException(
                "a share has no interval", "share", $"{k} of {n}", "k of n with 0 <= k <= n and n >= 1");
        double p = (double)k / n, z2 = Z * Z / n;
        double middle = (p + (z2 / 2)) / (1 + z2);
        double half = Z / (1 + z2) * Math.Sqrt(((p * (1 - p)) + (z2 / 4)) / n);
        return new(k == 0 ? 0 : Math.Max(0, middle - half), k == n ? 1 : Math.Min(1, middle + half));
    }
}
