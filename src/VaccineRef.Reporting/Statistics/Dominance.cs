namespace VaccineRef.Reporting.Statistics;

/// <summary>
/// Pareto dominance of points whose every coordinate is better the lower it is. It is a strict partial order: nothing
/// dominates itself, no two dominate each other, and what dominates a point dominates all that the point dominates.
/// </summary>
public static class Dominance
{
    /// <summary>Whether the first point is at least as good in every coordinate and better in one.</summary>
    /// <param name="first">Coordinates.</param>
    /// <param name="second">As many.</param>
    public static bool Dominates(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(second.Length, first.Length);
        bool better = false;
        for (int i = 0; i < first.Length; i++)
        {
            if (!(first[i] <= second[i]))
                return false;
            better |= first[i] < second[i];
        }

        return better;
    }

    /// <summary>The front: for each point whether no other dominates it.</summary>
    public static bool[] Front(IReadOnlyList<double[]> points) =>
        [.. points.Select(point => !points.Any(other => Dominates(other, point)))];
}
