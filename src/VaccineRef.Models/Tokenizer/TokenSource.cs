namespace VaccineRef.Models.Tokenizer;

/// <summary>What a tokenizer was made of, for formats that store it whole.</summary>
internal abstract record TokenSource;

/// <summary>
/// A SentencePiece model, the tokens beside it, whether a text gets a space in front, and whether what follows a
/// special token gets one too.
/// </summary>
internal sealed record PieceSource(
    SentencePieceFile File, IReadOnlyCollection<AddedToken> Added, bool AddsSpace, bool Legacy) : TokenSource;

/// <summary>
/// A byte-level BPE model. <paramref name="Pattern"/> is the one that cuts texts into words; null where something
/// else is done to a text. <paramref name="Composes"/> where characters are composed (NFC) before. Merges are read
/// again, for they are large and seldom asked for.
/// </summary>
internal sealed record MergeSource(
    IReadOnlyDictionary<int, string> Tokens, IReadOnlyCollection<AddedToken> Added, WordScanner? Pattern,
    bool IgnoresMerges, bool Composes, Func<List<(string Left, string Right)>> Merges) : TokenSource;
