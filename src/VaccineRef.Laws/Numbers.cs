namespace VaccineRef.Laws;

/// <summary>Arithmetic on plain arrays, for what tests compare.</summary>
public static class Numbers
{
    /// <summary>The error of <see cref="Slope"/>, of numbers of the order of 1.</summary>
    public const double SlopeTolerance = 1e-7;

    private const double SlopeStep = 3e-6;

    /// <summary>The sum of products.</summary>
    public static double Dot(this double[] x, double[] y) => x.Zip(y, (a, b) => a * b).Sum();

    /// <summary>The Euclidean norm.</summary>
    public static double Norm(this double[] x) => Math.Sqrt(x.Dot(x));

    /// <summary>The largest absolute value, 0 of nothing; NaN if there is one.</summary>
    public static double Largest(this double[] x) => x.Aggregate(0.0, (most, value) => Math.Max(most, Math.Abs(value)));

    /// <summary>a x + b y.</summary>
    public static double[] Mix(double a, double[] x, double b, double[] y) =>
        [.. x.Zip(y, (first, second) => (a * first) + (b * second))];

    /// <summary>c x.</summary>
    public static double[] Times(this double[] x, double factor) => [.. x.Select(value => factor * value)];

    /// <summary>All parts end to end.</summary>
    public static double[] Flat(double[][] parts) => [.. parts.SelectMany(part => part)];

    /// <summary>
    /// f'(0) by five-point central differences with h = 3e-6, for a function of the distance along a unit direction.
    /// Truncation is h^4 D / 30 = 3e-24 D, with D the fifth derivative, of which 4e17 has been met where a norm divides
    /// by a short row: 1e-6 beside a slope of 500. Rounding is 1.5 |df| / h = 5e-9 for a loss good to 1e-14.
    /// <see cref="SlopeTolerance"/> covers both.
    /// </summary>
    public static double Slope(Func<double, double> at)
    {
        double Difference(int steps) => at(steps * SlopeStep) - at(-steps * SlopeStep);
        return ((8 * Difference(1)) - Difference(2)) / (12 * SlopeStep);
    }

    /// <summary>|x|, element by element.</summary>
    public static double[] Absolute(this double[] x) => [.. x.Select(Math.Abs)];
}
