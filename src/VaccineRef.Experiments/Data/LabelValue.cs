using System.Globalization;
using System.Text.RegularExpressions;

namespace VaccineRef.Experiments.Data;

/// <summary>What a label means, whichever container it comes from and however it is spelled there.</summary>
internal static partial class LabelValue
{
    private const NumberStyles Digits = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint;

    private static readonly string[] True = ["true", "1", "yes", "safe"], False = ["false", "0", "no", "unsafe"];

    /// <summary>
    /// A whole number: an integer, a float that is whole, false and true for 0 and 1, or text of any of these.
    /// </summary>
    public static long? Integer(object? value) => value switch
    {
        long integer => integer,
        bool flag => flag ? 1 : 0,
        double number when Math.Abs(number) <= 1L << 53 && Math.Floor(number) == number => (long)number,
        decimal number when Math.Abs(number) <= 1L << 53 && decimal.Floor(number) == number => (long)number,
        string text when decimal.TryParse(text.Trim(), Digits, CultureInfo.InvariantCulture, out decimal number) =>
            Integer(number),
        string text when bool.TryParse(text, out bool flag) => Integer(flag),
        _ => null,
    };

    /// <summary>True or false: a flag, 1 or 0, or the words true, yes and safe, or false, no and unsafe.</summary>
    public static bool? Flag(object? value) => value switch
    {
        bool flag => flag,
        string text when True.Contains(text.Trim().ToLowerInvariant()) => true,
        string text when False.Contains(text.Trim().ToLowerInvariant()) => false,
        _ => Integer(value) switch { 1 => true, 0 => false, _ => null },
    };

    /// <summary>
    /// The categories of a row in words: text as it stands, a list's items, or the members of an object that are true;
    /// null where there are none. An object or a list that was written into a column of text is read as such.
    /// </summary>
    public static string? Categories(object? value) => value switch
    {
        null or "" => null,
        string text when Flags().IsMatch(text) =>
            Joined(Flag().Matches(text).Where(flag => Flag(flag.Groups[2].Value) == true)
                .Select(flag => flag.Groups[1].Value)),
        string text when Names().IsMatch(text) => Joined(Name().Matches(text).Select(name => name.Groups[1].Value)),
        string text => text,
        IReadOnlyDictionary<string, object?> members =>
            Joined(members.Where(member => Flag(member.Value) == true).Select(member => member.Key)),
        System.Collections.IEnumerable items =>
            Joined(items.Cast<object?>().Select(Categories).Where(item => item is not null)!),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static string? Joined(IEnumerable<string?> names) => string.Join("; ", names);

    // {'violence': True, 'theft': False} as Python writes it, or the same in JSON
    [GeneratedRegex("""^\s*\{(?:\s*['"][^'"]*['"]\s*:\s*(?:[Tt]rue|[Ff]alse)\s*(?:,|(?=\})))*\s*\}\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex Flags();

    [GeneratedRegex("""['"]([^'"]*)['"]\s*:\s*([Tt]rue|[Ff]alse)""", RegexOptions.CultureInvariant)]
    private static partial Regex Flag();

    [GeneratedRegex("""^\s*\[(?:\s*['"][^'"]*['"]\s*(?:,|(?=\])))*\s*\]\s*$""", RegexOptions.CultureInvariant)]
    private static partial Regex Names();

    [GeneratedRegex("""['"]([^'"]*)['"]""", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
