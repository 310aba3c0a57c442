using System.Globalization;
using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// Cuts a text into words as the regular expressions of GPT-2 and Llama 3 do, written out by hand: .NET's Regex sees
/// halves of surrogate pairs where the originals see letters. L and N are Unicode's general categories, white space is
/// Unicode's White_Space.
/// </summary>
internal sealed class WordScanner
{
    private const string Contractions = "'s|'t|'re|'ve|'m|'ll|'d";
    private const string Gpt2Pattern = Contractions + @"| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private readonly bool _gpt2;
    private readonly int _digits;

    private WordScanner(bool gpt2, int digits) => (_gpt2, _digits) = (gpt2, digits);

    private enum Kind { End, Letter, Number, Space, Other }

    /// <summary><c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c></summary>
    public static WordScanner Gpt2 { get; } = new(true, int.MaxValue);

    /// <summary>That of Llama 3: up to three digits are a word.</summary>
    public static WordScanner Llama3 { get; } = new(false, 3);

    /// <summary>That of Qwen 2: Llama 3's, with each digit a word.</summary>
    public static WordScanner Qwen2 { get; } = new(false, 1);

    /// <summary>The patterns that are known, letter for letter, as they stand in tokenizer.json.</summary>
    public static IReadOnlyDictionary<string, WordScanner> Known { get; } = new Dictionary<string, WordScanner>
    {
        [Gpt2Pattern] = Gpt2,
        [Llama3Pattern(@"\p{N}{1,3}")] = Llama3,
        [Llama3Pattern(@"\p{N}")] = Qwen2,
    };

    /// <summary>Appends the words of <paramref name="text"/>, which together are the text.</summary>
    public void Cut(ReadOnlyMemory<char> text, List<ReadOnlyMemory<char>> words)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = _gpt2 ? Gpt2End(text.Span, start) : Llama3End(text.Span, start);
            words.Add(text[start..end]);
        }
    }

    private static string Llama3Pattern(string numbers) =>
        $"(?i:{Contractions})" + @"|[^\r\n\p{L}\p{N}]?\p{L}+|" + numbers
        + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static int Gpt2End(ReadOnlySpan<char> text, int start)
    {
        if (Contraction(text[start..], anyCase: false) is > 0 and var length)
            return start + length;
        int at = text[start] == ' ' ? start + 1 : start;
        return KindAt(text, at, out _) is (Kind.Letter or Kind.Number or Kind.Other) and var kind
            ? RunEnd(text, at, kind)
            : SpaceEnd(text, start);
    }

    private int Llama3End(ReadOnlySpan<char> text, int start)
    {
        if (Contraction(text[start..], anyCase: true) is > 0 and var length)
            return start + length;

        var kind = KindAt(text, start, out int width);
        bool mayLead = kind is Kind.Space or Kind.Other && text[start] is not ('\r' or '\n');
        int letters = mayLead ? start + width : start;
        if (KindAt(text, letters, out _) == Kind.Letter)
            return RunEnd(text, letters, Kind.Letter);
        if (kind == Kind.Number)
            return RunEnd(text, start, Kind.Number, _digits);

        int at = text[start] == ' ' ? start + 1 : start;
        if (KindAt(text, at, out _) == Kind.Other)
        {
            int end = RunEnd(text, at, Kind.Other);
            while (end < text.Length && text[end] is '\r' or '\n')
                end++;
            return end;
        }

        int lastBreak = text[start..RunEnd(text, start, Kind.Space)].LastIndexOfAny('\r', '\n');
        return lastBreak >= 0 ? start + lastBreak + 1 : SpaceEnd(text, start);
    }

    /// <summary>
    /// <c>\s+(?!\S)|\s+</c>: white space up to the last one before a word, which goes with the word; or a single one.
    /// </summary>
    private static int SpaceEnd(ReadOnlySpan<char> text, int start)
    {
        int end = RunEnd(text, start, Kind.Space);
        return end == text.Length || end == start + 1 ? end : end - 1;
    }

    private static int RunEnd(ReadOnlySpan<char> text, int at, Kind kind, int most = int.MaxValue)
    {
        for (; most > 0 && KindAt(text, at, out int width) == kind; most--)
            at += width;
        return at;
    }

    /// <summary>The length of the contraction that the text starts with, or 0.</summary>
    private static int Contraction(ReadOnlySpan<char> text, bool anyCase)
    {
        if (text.Length < 2 || text[0] != '\'')
            return 0;
        char Folded(char c) => !anyCase ? c : c == '\u017F' ? 's' : char.ToLowerInvariant(c);   // long s folds to s
        char second = text.Length > 2 ? Folded(text[2]) : '\0';
        return (Folded(text[1]), second) switch
        {
            ('s' or 't' or 'm' or 'd', _) => 2,
            ('r' or 'v', 'e') or ('l', 'l') => 3,
            _ => 0,
        };
    }

    private static Kind KindAt(ReadOnlySpan<char> text, int at, out int width)
    {
        width = 1;
        if (at >= text.Length)
            return Kind.End;
        char c = text[at];
        if (c < 128)
            return char.IsAsciiLetter(c) ? Kind.Letter
                : char.IsAsciiDigit(c) ? Kind.Number
                : char.IsWhiteSpace(c) ? Kind.Space
                : Kind.Other;
        Rune.DecodeFromUtf16(text[at..], out Rune rune, out width);
        return Rune.GetUnicodeCategory(rune) switch
        {
            <= UnicodeCategory.OtherLetter => Kind.Letter,
            >= UnicodeCategory.DecimalDigitNumber and <= UnicodeCategory.OtherNumber => Kind.Number,
            _ => Rune.IsWhiteSpace(rune) ? Kind.Space : Kind.Other,
        };
    }
}
