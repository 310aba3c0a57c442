using VaccineRef.Core;

namespace VaccineRef.Reporting.Statistics;

/// <summary>
/// The percentile bootstrap: seeds are drawn with replacement, and the middle 95 % of the means so found are the
/// interval. With few seeds it is narrow (it covers less than 95 %), and it cannot leave the range of what was seen.
/// Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.
/// </summary>
public static class Bootstrap
{
    /// <summary>How many times seeds are drawn anew.</summary>
    public const int Resamples = 10_000;

    /// <summary>How much of the distribution the interval leaves out on either side.</summary>
    public const double Tail = 0.025;

    /// <summary>The interval of the mean of values.</summary>
    /// <param name="values">At least two numbers, one per seed.</param>
    /// <param name="random">Where the draws come from.</param>
    public static Interval OfMean(ReadOnlySpan<double> values, RandomStream random)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(values.Length, 2);
        var means = new double[Resamples];
        var drawn = new double[values.Length];
        for (int resample = 0; resample < Resamples; resample++)
        {
            for (int i = 0; i < drawn.Length; i++)
                drawn[i] = values[random.Below(values.Length, ((long)resample * drawn.Length) + i)];
            drawn.AsSpan().Sort();              // equal draws in another order have the same mean to the last bit
            means[resample] = Estimate.Center(drawn);
        }

        means.AsSpan().Sort();
        return new(Quantile(means, Tail), Quantile(means, 1 - Tail));
    }

    /// <summary>
    /// The quantile of ordered numbers, between the two nearest by a straight line (Hyndman and Fan's type 7).
    /// </summary>
    internal static double Quantile(ReadOnlySpan<double> ordered, double share)
    {
        double place = share * (ordered.Length - 1);
        int below = (int)place;
        double next = ordered[Math.Min(below + 1, ordered.Length - 1)];
        return ordered[below] + ((place - below) * (next - ordered[below]));
    }
}
