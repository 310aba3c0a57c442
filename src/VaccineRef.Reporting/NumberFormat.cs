using System.Globalization;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>
/// How numbers are written, the same everywhere: a true minus sign, a fixed number of digits, no culture.
/// </summary>
internal static class NumberFormat
{
    private const double SmallestP = 0.0001;

    /// <summary>A number with so many digits behind the point; never "−0.0".</summary>
    public static string Fixed(double value, int decimals)
    {
        string text = Math.Abs(value).ToString($"F{decimals}", CultureInfo.InvariantCulture);
        return value < 0 && IsNotZero(text) ? $"−{text}" : text;
    }

    /// <summary>A difference: as <see cref="Fixed"/>, and with a plus sign where it is positive.</summary>
    public static string Signed(double value, int decimals)
    {
        string text = Fixed(value, decimals);
        return value > 0 && IsNotZero(text) ? $"+{text}" : text;
    }

    /// <summary>A number that somebody set: as short as it can be.</summary>
    public static string Plain(IFormattable value) =>
        value.ToString("G29", CultureInfo.InvariantCulture).Replace('-', '−');

    /// <summary>"[12.0, 46.1]"; null with one seed.</summary>
    public static string? Interval(Estimate estimate, int decimals) => estimate.Interval is { } interval
        ? $"[{Fixed(interval.Low, decimals)}, {Fixed(interval.High, decimals)}]"
        : null;

    /// <summary>"29.2 [12.0, 46.1]".</summary>
    public static string Estimate(Estimate estimate, int decimals) =>
        Fixed(estimate.Mean, decimals) + (Interval(estimate, decimals) is { } interval ? $" {interval}" : "");

    /// <summary>"12/200 (6.0 %)"; nothing where there is no score.</summary>
    public static string Score(Score? score) =>
        score is null ? "" : $"{score.Numerator}/{score.Denominator} ({Fixed(score.Percentage, 1)} %)";

    /// <summary>A p-value, four digits behind the point.</summary>
    public static string P(double p) => p < SmallestP ? "< 0.0001" : Fixed(p, 4);

    /// <summary>A p-value in a sentence: "p = 0.0078", "p &lt; 0.0001".</summary>
    public static string PValue(double p) => p < SmallestP ? $"p {P(p)}" : $"p = {P(p)}";

    /// <summary>Thousands apart: "216 256", with thin spaces that do not break.</summary>
    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture).Replace(',', '\u202F');

    /// <summary>Megabytes of 10^6 bytes.</summary>
    public static string Megabytes(long bytes) => Fixed(bytes / 1e6, 1);

    private static bool IsNotZero(string number) => number.Any(c => c is >= '1' and <= '9');
}
