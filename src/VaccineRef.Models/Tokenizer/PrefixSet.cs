using System.Buffers;

namespace VaccineRef.Models.Tokenizer;

/// <summary>Finds which of some strings a text starts with, the longest if several.</summary>
internal sealed class PrefixSet
{
    private readonly Dictionary<char, string[]> _byFirst;     // longest first
    private readonly SearchValues<char> _first;

    public PrefixSet(IEnumerable<string> strings)
    {
        _byFirst = strings.Distinct().GroupBy(s => s[0])
            .ToDictionary(g => g.Key, g => g.OrderByDescending(s => s.Length).ToArray());
        _first = SearchValues.Create([.. _byFirst.Keys]);
    }

    /// <summary>The longest of the strings that <paramref name="text"/> starts with, or null.</summary>
    public string? Longest(ReadOnlySpan<char> text)
    {
        if (text.IsEmpty || !_byFirst.TryGetValue(text[0], out string[]? candidates))
            return null;
        foreach (string candidate in candidates)
        {
            if (text.StartsWith(candidate, StringComparison.Ordinal))
                return candidate;
        }
        return null;
    }

    /// <summary>
    /// The leftmost place at or after <paramref name="from"/> where one of the strings stands, and the longest there.
    /// </summary>
    public (int At, string? Found) Next(ReadOnlySpan<char> text, int from)
    {
        while (from < text.Length)
        {
            int skip = text[from..].IndexOfAny(_first);
            if (skip < 0)
                break;
            from += skip;
            if (Longest(text[from..]) is { } found)
                return (from, found);
            from++;
        }
        return (text.Length, null);
    }
}
