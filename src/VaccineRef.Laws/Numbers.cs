namespace VaccineRef.Laws;

/// <summary>Arithmetic on plain arrays, for what tests compare.</summary>
public static class Numbers
{
    /// <summary>The sum of products.</summary>
    public static double Dot(this double[] x, double[] y) => x.Zip(y, (a, b) => a * b).Sum();

    /// <summary>The Euclidean norm.</summary>
    public static double Norm(this double[] x) => Math.Sqrt(x.Dot(x));

    /// <summary>The largest absolute value, 0 of nothing; NaN if there is one.</summary>
    public static double Largest(this double[] x) => x.Aggregate(0.0, (most, value) => Math.Max(most, Math.Abs(value)));

    /// <summary>a x + b y.</summary>
    public static double[] Mix(double a, double[] x, double b, double[] y) =>
        [.. x.Zip(y, (first, second) => (a * first) + (b * second))];

    /// <summary>|x|, element by element.</summary>
    public static double[] Absolute(this double[] x) => [.. x.Select(Math.Abs)];
}
