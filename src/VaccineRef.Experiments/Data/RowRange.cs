using System.Globalization;
using System.Text.RegularExpressions;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Rows by their numbers, which are those that messages name: "1000-2000" with both ends, "1000-", "-2000" or "7".
/// </summary>
/// <param name="First">The first row, counted from 1.</param>
/// <param name="Last">The last row.</param>
public sealed partial record RowRange(int First, int Last)
{
    /// <summary>What <see cref="Parse"/> reads.</summary>
    public const string Form = "FIRST-LAST, FIRST-, -LAST or a number, counted from 1";

    /// <summary>Reads a range; null where the text is none.</summary>
    public static RowRange? Parse(string text)
    {
        if (Pattern().Match(text) is not { Success: true } match)
            return null;
        int Number(string group, int otherwise) => match.Groups[group] is not { Length: > 0 } found ? otherwise
            : int.TryParse(found.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
                ? number
                : int.MaxValue;
        int first = Number("first", 1), last = match.Groups["to"].Success ? Number("last", int.MaxValue) : first;
        return first >= 1 && first <= last && text is not ("" or "-") ? new(first, last) : null;
    }

    /// <summary>Whether a row is in the range.</summary>
    public bool Holds(int row) => row >= First && row <= Last;

    /// <summary>As it is written.</summary>
    public override string ToString() => Last == int.MaxValue ? $"{First}-" : $"{First}-{Last}";

    [GeneratedRegex("^(?<first>[0-9]*)(?<to>-(?<last>[0-9]*))?$", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
