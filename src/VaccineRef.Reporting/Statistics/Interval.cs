namespace VaccineRef.Reporting.Statistics;

/// <summary>A closed interval of the real line.</summary>
/// <param name="Low">Its lower end.</param>
/// <param name="High">Its upper end, not below <paramref name="Low"/>.</param>
public readonly record struct Interval(double Low, double High)
{
    /// <summary>Whether the number lies in it, ends included.</summary>
    public bool Contains(double value) => Low <= value && value <= High;
}
