using VaccineRef.Core;

namespace VaccineRef.Reporting.Statistics;

/// <summary>A mean over seeds with its uncertainty.</summary>
/// <param name="Mean">The arithmetic mean.</param>
/// <param name="Interval">
/// 95 % interval by bootstrap over seeds; null with one seed, which says nothing about another.
/// </param>
/// <param name="Deviation">Standard deviation between seeds (n - 1 below the line); null with one seed.</param>
/// <param name="Seeds">How many seeds.</param>
public sealed record Estimate(double Mean, Interval? Interval, double? Deviation, int Seeds)
{
    /// <summary>Estimates the mean of values, one per seed.</summary>
    /// <param name="values">At least one number, all finite.</param>
    /// <param name="random">Where the bootstrap draws from: the same stream gives the same interval.</param>
    /// <exception cref="InputException">There are no values, or one is not finite.</exception>
    public static Estimate Of(ReadOnlySpan<double> values, RandomStream random)
    {
        if (values.IsEmpty)
            throw new InputException("there is no mean", "seeds", "none", "at least one");
        foreach (double value in values)
            if (!double.IsFinite(value))
                throw new InputException("there is no mean", "seeds", $"{value}", "finite numbers");
        double mean = Center(values);
        if (values.Length == 1)
            return new(mean, null, null, 1);
        double squares = 0;
        foreach (double value in values)
            squares += (value - mean) * (value - mean);
        return new(mean, Bootstrap.OfMean(values, random), Math.Sqrt(squares / (values.Length - 1)), values.Length);
    }

    // Around the first value, so that the mean of a constant is that constant to the last bit.
    internal static double Center(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (double value in values)
            sum += value - values[0];
        return values[0] + (sum / values.Length);
    }
}

/// <summary>A closed interval of the real line.</summary>
/// <param name="Low">Its lower end.</param>
/// <param name="High">Its upper end, not below <paramref name="Low"/>.</param>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>Whether the number lies in it, ends included.</summary>
    public bool Contains(double value) => Low <= value && value <= High;
}
