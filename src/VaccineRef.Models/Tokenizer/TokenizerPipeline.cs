namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// Changes a text before the model sees it; <paramref name="first"/> where it starts as the user's text starts.
/// </summary>
internal delegate string TextNormalizer(string text, bool first);

/// <summary>
/// Every tokenizer is this pipeline: cut at added tokens, normalise, cut at added tokens that stand in normalised
/// text, split into words, let the model encode each word. A family is the choice of the parts.
/// </summary>
internal sealed class TokenizerPipeline : ITextTokenizer
{
    private readonly AddedToken[] _added;
    private readonly AddedTokens _raw;
    private readonly AddedTokens _marked;
    private readonly AddedTokens _normalized;
    private readonly TextNormalizer _normalize;
    private readonly SpecialIds _special;
    private readonly (int[] Prefix, int[] Suffix) _around;

    public TokenizerPipeline(
        IReadOnlyCollection<AddedToken> added, Func<string, string> normalize, SpecialIds special,
        (int[] Prefix, int[] Suffix) around)
        : this(added, (text, _) => normalize(text), special, around)
    {
    }

    public TokenizerPipeline(
        IReadOnlyCollection<AddedToken> added, TextNormalizer normalize, SpecialIds special,
        (int[] Prefix, int[] Suffix) around)
    {
        _added = [.. added.Where(token => !token.Normalized)];
        _raw = _marked = new AddedTokens(_added, token => token.Content);
        _normalized = new AddedTokens(added.Where(token => token.Normalized), token => normalize(token.Content, false));
        _normalize = normalize;
        _special = special;
        _around = around;
    }

    /// <summary>Tokens that only a text with all special tokens written out has; none unless said.</summary>
    public IReadOnlyCollection<AddedToken> Marks
    {
        init => _marked = new AddedTokens([.. _added, .. value], token => token.Content);
    }

    public required int VocabularySize { get; init; }

    public required WordSplitter[] Splitters { private get; init; }

    public required ITokenModel Model { private get; init; }

    public required ITokenDecoder Decoder { private get; init; }

    /// <summary>What this was made of.</summary>
    public required TokenSource Source { get; init; }

    public int? BosId => _special.Bos;

    public int? EosId => _special.Eos;

    public int? PadId => _special.Pad;

    public string? EosText => _special.EosText;

    public int[] Encode(string text, bool addSpecialTokens = true) => Encode(text, _raw, addSpecialTokens);

    public int[] EncodeMarked(string text) => Encode(text, _marked, addSpecialTokens: false);

    private int[] Encode(string text, AddedTokens tokens, bool addSpecialTokens)
    {
        ArgumentNullException.ThrowIfNull(text);
        text = WellFormed(text);
        var ids = new List<int>((text.Length / 3) + 2);
        if (addSpecialTokens)
            ids.AddRange(_around.Prefix);
        foreach (var segment in tokens.Cut(text))
        {
            bool first = segment.Start == 0;
            if (segment.Token is null || (first && !segment.Token.Special))      // what stands before a first token
                EncodeSegment(
                    _normalize(segment.Token is null ? text[segment.Start..segment.End] : "", first), first, ids);
            if (segment.Token is { } token)
                ids.Add(token.Id);
        }
        if (addSpecialTokens)
            ids.AddRange(_around.Suffix);
        return [.. ids];
    }

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens = true)
    {
        foreach (int id in ids)
        {
            if (id < 0)
                throw new TokenizerException("a negative number is no token id", found: $"{id}");
        }
        return Decoder.Decode(ids, skipSpecialTokens);
    }

    private void EncodeSegment(string normal, bool first, List<int> ids)
    {
        foreach (var part in _normalized.Cut(normal))
        {
            if (part.Token is { } token)
            {
                ids.Add(token.Id);
                continue;
            }

            List<ReadOnlyMemory<char>> words = [normal.AsMemory(part.Start..part.End)];
            foreach (var split in Splitters)
            {
                var finer = new List<ReadOnlyMemory<char>>();
                for (int i = 0; i < words.Count; i++)
                    split(words[i], first && part.Start == 0 && i == 0, finer);
                words = finer;
            }
            foreach (var word in words)
                Model.Encode(word.Span, ids);
        }
    }

    /// <summary>The text with lone surrogates replaced, so that every part may trust it to be Unicode.</summary>
    private static string WellFormed(string text) => text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF')
        ? string.Concat(text.EnumerateRunes())
        : text;
}
