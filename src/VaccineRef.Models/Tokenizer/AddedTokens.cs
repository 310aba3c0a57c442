namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// A token that is recognised as a whole, before the model sees the text. <paramref name="LeftStrip"/> and
/// <paramref name="RightStrip"/> swallow the white space beside it; <paramref name="Normalized"/> looks for it in the
/// normalised text. <paramref name="HasRole"/> where a file names it as the beginning, the end, or the
/// unknown.
/// </summary>
internal sealed record AddedToken(
    int Id, string Content, bool Special, bool LeftStrip = false, bool RightStrip = false, bool Normalized = false,
    bool HasRole = false)
{
    /// <summary>Reads one as Hugging Face's files write it.</summary>
    public static AddedToken Read(int id, Setting token)
    {
        token.AllowOnly("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special", "__type");
        if (token["single_word"].Flag(false))
            throw token["single_word"].Unsupported("false");
        string content = token["content"].Text();
        bool special = token["special"].Flag(false);
        if (content.Length == 0)
            throw token["content"].Unexpected("a text that is not empty");
        return new AddedToken(
            id, content, special, token["lstrip"].Flag(false), token["rstrip"].Flag(false),
            token["normalized"].Flag(!special));
    }
}

/// <summary>
/// A stretch of a text: an added token, or, when <paramref name="Token"/> is null, text for the model.
/// </summary>
internal readonly record struct Segment(int Start, int End, AddedToken? Token);

/// <summary>
/// Cuts texts at added tokens: leftmost first, the longest there (Aho-Corasick "leftmost-longest" of Hugging Face).
/// </summary>
internal sealed class AddedTokens
{
    private readonly Dictionary<string, AddedToken> _tokens = [];
    private readonly PrefixSet _patterns;

    /// <param name="tokens">The tokens.</param>
    /// <param name="written">How a token stands in the text to cut: as itself, or normalised like that text.</param>
    public AddedTokens(IEnumerable<AddedToken> tokens, Func<AddedToken, string> written)
    {
        foreach (var token in tokens)
        {
            if (written(token) is { Length: > 0 } pattern)
                _tokens[pattern] = token;
        }
        _patterns = new PrefixSet(_tokens.Keys);
    }

    public List<Segment> Cut(ReadOnlySpan<char> text)
    {
        var segments = new List<Segment>();
        int done = 0, from = 0;
        while (_patterns.Next(text, from) is { Found: { } found, At: var start })
        {
            int end = from = start + found.Length;
            var token = _tokens[found];
            if (token.LeftStrip)
                start = Math.Max(done, text[..start].TrimEnd().Length);
            if (token.RightStrip)
                from = end = text.Length - text[end..].TrimStart().Length;
            if (done < start)
                segments.Add(new Segment(done, start, null));
            segments.Add(new Segment(start, end, token));
            done = end;
        }
        if (done < text.Length)
            segments.Add(new Segment(done, text.Length, null));
        return segments;
    }
}
