using System.Globalization;

namespace VaccineRef.Training;

/// <summary>Numbers that somebody set, as short as they can be written: 0.04, 1, 1e9.</summary>
public static class NumberText
{
    private const double FirstWithExponent = 1e4;

    /// <summary>The number as text.</summary>
    public static string Of(double value) =>
        value.ToString(Math.Abs(value) >= FirstWithExponent ? "0.###e0" : "R", CultureInfo.InvariantCulture);
}
