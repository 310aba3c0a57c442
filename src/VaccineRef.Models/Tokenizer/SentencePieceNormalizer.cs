using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// SentencePiece's Normalizer::Normalize: applies the charsmap, squeezes white space if the model says so, puts a
/// space in front, and writes spaces as U+2581. User-defined pieces pass untouched.
/// </summary>
internal sealed class SentencePieceNormalizer(SentencePieceFile file, PrefixSet userDefined, string where)
{
    public const char SpaceMark = '\u2581';

    private readonly CharsMap? _map = file.CharsMap.Length > 0 ? new CharsMap(file.CharsMap, where) : null;
    private readonly char _space = file.EscapeWhitespace ? SpaceMark : ' ';

    /// <summary>As SentencePiece does.</summary>
    public string Normalize(string text) => Normalize(text, file.AddDummyPrefix, trimStart: true);

    /// <summary>
    /// As LlamaTokenizer does where "legacy" is false: a space in front of the user's text, if at all, and in front of
    /// no other part of it.
    /// </summary>
    public string NormalizePart(string text, bool addPrefixSpace)
    {
        text = text.Replace(SpaceMark, ' ');
        text = addPrefixSpace ? SpaceMark + text : text;
        return Normalize(text, dummyPrefix: false, trimStart: text is not [' ', ..]);
    }

    private string Normalize(string text, bool dummyPrefix, bool trimStart)
    {
        bool squeeze = file.RemoveExtraWhitespace;
        int at = 0;
        while (squeeze && trimStart && at < text.Length && Prefix(text.AsSpan(at), out int skipped) is " ")
            at += skipped;
        if (at == text.Length)
            return "";

        var result = new StringBuilder(text.Length + 1);
        if (dummyPrefix)
            result.Append(_space);
        bool afterSpace = squeeze && trimStart;
        while (at < text.Length)
        {
            var prefix = Prefix(text.AsSpan(at), out int consumed);
            at += consumed;
            if (afterSpace)
                prefix = prefix.TrimStart(' ');
            foreach (char c in prefix)
                result.Append(c == ' ' ? _space : c);
            if (!prefix.IsEmpty)
                afterSpace = squeeze && prefix[^1] == ' ';
        }

        while (squeeze && result.Length > 0 && result[^1] == _space)
            result.Length--;
        return result.ToString();
    }

    /// <summary>What the text's first user-defined piece, rule or character becomes.</summary>
    private ReadOnlySpan<char> Prefix(ReadOnlySpan<char> text, out int consumed)
    {
        if (userDefined.Longest(text) is { } piece)
        {
            consumed = piece.Length;
            return piece;
        }
        if (_map is not null && _map.TryLongest(text, out consumed, out string replacement))
            return replacement;
        Rune.DecodeFromUtf16(text, out _, out consumed);
        return text[..consumed];
    }
}
