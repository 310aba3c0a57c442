using System.Globalization;

namespace VaccineRef.Experiments.Grid;

/// <summary>
/// One of several parts of a list that together are all of it: every <paramref name="Count"/>-th item.
/// </summary>
/// <param name="Index">Which part, from 0.</param>
/// <param name="Count">How many parts there are.</param>
public readonly record struct GridSlice(int Index, int Count)
{
    /// <summary>Reads "i/n", with i from 0 to n - 1; null for anything else.</summary>
    public static GridSlice? Parse(string text) =>
        text.Split('/') is [var index, var count] && Number(index) is { } i && Number(count) is { } n && i < n
            ? new(i, n)
            : null;

    /// <summary>The items of this part.</summary>
    public IEnumerable<T> Of<T>(IEnumerable<T> all)
    {
        var (index, count) = this;
        return all.Where((_, i) => i % count == index);
    }

    private static int? Number(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : null;
}
