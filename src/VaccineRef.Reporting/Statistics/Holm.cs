namespace VaccineRef.Reporting.Statistics;

/// <summary>
/// Holm's correction: with m comparisons the i-th smallest p counts (m - i + 1) times, never less than a smaller one
/// and at most 1. Whatever the comparisons have to do with each other, the chance of calling one false is held.
/// Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).
/// </summary>
public static class Holm
{
    /// <summary>The corrected values, in the order of the raw ones.</summary>
    public static double[] Correct(ReadOnlySpan<double> raw)
    {
        var corrected = raw.ToArray();
        int[] order = [.. Enumerable.Range(0, raw.Length)];
        Array.Sort(raw.ToArray(), order);
        double least = 0;
        for (int rank = 0; rank < order.Length; rank++)
        {
            least = Math.Max(least, Math.Min(1, (order.Length - rank) * raw[order[rank]]));
            corrected[order[rank]] = least;
        }

        return corrected;
    }
}
