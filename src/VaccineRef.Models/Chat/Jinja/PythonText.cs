using System.Globalization;
using System.Text;

namespace VaccineRef.Models.Chat.Jinja;

/// <summary>
/// Text as Python sees it: a sequence of code points, with its own white space and its own way to write values.
/// </summary>
internal static class PythonText
{
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1C' and <= '\x1F';

    public static string TrimStart(string text, string? characters = null)
    {
        int start = 0;
        while (start < text.Length && Belongs(text[start], characters))
            start++;
        return text[start..];
    }

    public static string TrimEnd(string text, string? characters = null)
    {
        int end = text.Length;
        while (end > 0 && Belongs(text[end - 1], characters))
            end--;
        return text[..end];
    }

    public static string Trim(string text, string? characters = null) =>
        TrimEnd(TrimStart(text, characters), characters);

    /// <summary>The text cut at white space; none of the parts is empty.</summary>
    public static IEnumerable<string> Words(string text)
    {
        for (int i = 0, start = 0; i <= text.Length; i++)
            if (i == text.Length || IsSpace(text[i]))
            {
                if (i > start)
                    yield return text[start..i];
                start = i + 1;
            }
    }

    public static int Length(string text) => text.Length - text.Count(char.IsLowSurrogate);

    /// <summary>The characters, each as a text.</summary>
    public static List<object?> Characters(string text) =>
        [.. text.EnumerateRunes().Select(rune => (object?)rune.ToString())];

    /// <summary>
    /// A number as Python prints it: the shortest digits that give it back, and ".0" behind a whole one.
    /// </summary>
    public static string Of(double number)
    {
        if (!double.IsFinite(number))
            return double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        string text = number.ToString("R", CultureInfo.InvariantCulture);
        double size = Math.Abs(number);
        if (size is 0 or (>= 1e-4 and < 1e16))
            text = text.Contains('E', StringComparison.Ordinal)
                ? number.ToString("0.###################", CultureInfo.InvariantCulture)
                : text;
        else if (!text.Contains('E', StringComparison.Ordinal))
            text = number.ToString("0.################E+00", CultureInfo.InvariantCulture);
        text = text.Replace("E+", "e+", StringComparison.Ordinal).Replace("E-", "e-", StringComparison.Ordinal);
        return text.AsSpan().IndexOfAny('.', 'e') < 0 ? text + ".0" : text;
    }

    /// <summary>A text between quotes, as repr writes it.</summary>
    public static string Quoted(string text)
    {
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal)
            ? '"'
            : '\'';
        var quoted = new StringBuilder().Append(quote);
        foreach (var rune in text.EnumerateRunes())
            quoted.Append(rune.Value switch
            {
                '\\' => @"\\",
                '\n' => @"\n",
                '\r' => @"\r",
                '\t' => @"\t",
                var value when value == quote => $@"\{quote}",
                var value when Rune.IsControl(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Format
                    or UnicodeCategory.Surrogate
                    or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator
                    or UnicodeCategory.ParagraphSeparator
                        || (value != ' ' && Rune.GetUnicodeCategory(rune) == UnicodeCategory.SpaceSeparator) =>
                    value <= 0xFF ? $@"\x{value:x2}" : value <= 0xFFFF ? $@"\u{value:x4}" : $@"\U{value:x8}",
                _ => rune.ToString(),
            });
        return quoted.Append(quote).ToString();
    }

    private static bool Belongs(char c, string? characters) =>
        characters is null ? IsSpace(c) : characters.Contains(c, StringComparison.Ordinal);
}
