using System.Buffers;
using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>Builds the pipeline of a SentencePiece model, and decodes as SentencePieceProcessor does.</summary>
internal sealed class SentencePieceTokenizer : ITokenDecoder
{
    private readonly SentencePieceFile _file;
    private readonly Dictionary<int, AddedToken> _added;
    private readonly bool _dropsFirstSpace;

    private SentencePieceTokenizer(SentencePieceFile file, IEnumerable<AddedToken> added)
    {
        _file = file;
        _added = added.ToDictionary(token => token.Id);
        _dropsFirstSpace = file.AddDummyPrefix || file.RemoveExtraWhitespace;
    }

    /// <summary>
    /// Loads a <c>.model</c>. Its own control pieces are never recognised in a text, as in SentencePiece; tokens that
    /// the files beside it add behind its pieces are, and the text after one is encoded as a text of its own, as in
    /// Hugging Face's (legacy) LlamaTokenizer.
    /// </summary>
    public static ITextTokenizer Load(string path, TokenizerSettings settings)
    {
        var file = new SentencePieceFile(path);
        var pieces = file.Pieces;
        AddedToken[] added = [.. settings.AddedTokens.Where(token => token.Id >= pieces.Count)];
        var tokens = new Dictionary<int, string>(pieces.Select((piece, id) => KeyValuePair.Create(id, piece.Text)));
        foreach (var token in added)
        {
            if (!tokens.TryAdd(token.Id, token.Content))
                throw new TokenizerException("two tokens have the same id", path, $"\"{token.Content}\": {token.Id}");
        }
        int? IdOf(string text) =>
            tokens.FirstOrDefault(token => token.Value == text) is { Value: not null } found ? found.Key : null;
        int? Control(string text) =>
            pieces.FindIndex(p => p.Kind == PieceKind.Control && p.Text == text) is >= 0 and var id ? id : null;
        var special = settings.Resolve(tokens, IdOf, role => Control(
            role == "bos" ? file.BosPiece : role == "eos" ? file.EosPiece : file.PadPiece));

        var userDefined = new PrefixSet(pieces.Where(p => p.Kind == PieceKind.UserDefined).Select(p => p.Text));
        int[] prefix = special.Bos is { } bos ? [bos] : [];
        return new TokenizerPipeline(
            added.Select(token => token with { Normalized = false }).ToArray(),
            new SentencePieceNormalizer(file, userDefined, path).Normalize, special,
            settings.Around((prefix, []), special))
        {
            VocabularySize = tokens.Keys.Max() + 1,
            Splitters = [],
            Model = new SentencePieceModel(file, userDefined, path),
            Decoder = new SentencePieceTokenizer(file, added),
        };
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The space that Normalize put in front is dropped; control pieces are invisible, or, unless skipped, stand as
    /// they are written.
    /// </remarks>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var text = new StringBuilder();
        var bytes = new List<byte>();
        bool atStart = true;        // the next piece starts a text, so its space is the one that was added
        foreach (int id in ids)
        {
            if (id < _file.Pieces.Count && _file.Pieces[id] is { Kind: PieceKind.Byte, Text: var spelled })
            {
                bytes.AddRange(Convert.FromHexString(spelled[3..5]));
                continue;
            }
            atStart &= bytes.Count == 0;
            AppendBytes(text, bytes);
            AppendPiece(text, id, skipSpecialTokens, ref atStart);
        }
        AppendBytes(text, bytes);
        return text.ToString();
    }

    private void AppendPiece(StringBuilder text, int id, bool skipSpecialTokens, ref bool atStart)
    {
        if (id >= _file.Pieces.Count)
        {
            if (_added.TryGetValue(id, out var token) && !(skipSpecialTokens && token.Special))
                text.Append(token.Content);
            atStart = true;
            return;
        }

        var piece = _file.Pieces[id];
        if (piece.Kind == PieceKind.Control)
        {
            text.Append(skipSpecialTokens ? "" : piece.Text);
            return;
        }
        string surface = piece.Kind == PieceKind.Unknown ? _file.UnknownSurface : piece.Text;
        if (piece.Kind != PieceKind.Unknown)
        {
            bool drops = atStart && _dropsFirstSpace && surface[0] == SentencePieceNormalizer.SpaceMark;
            surface = surface[(drops ? 1 : 0)..].Replace(SentencePieceNormalizer.SpaceMark, ' ');
            if (drops && !_file.RemoveExtraWhitespace)
                atStart = false;        // only one such space; where extra white space is removed, all of them
        }
        atStart &= surface.Length == 0;
        text.Append(surface);
    }

    /// <summary>The characters that the bytes spell, U+FFFD for each byte that is not part of one.</summary>
    private static void AppendBytes(StringBuilder text, List<byte> bytes)
    {
        ReadOnlySpan<byte> rest = bytes.ToArray();
        while (!rest.IsEmpty)
        {
            bool valid = Rune.DecodeFromUtf8(rest, out Rune rune, out int length) == OperationStatus.Done;
            text.Append(valid ? rune : Rune.ReplacementChar);
            rest = rest[(valid ? length : 1)..];
        }
        bytes.Clear();
    }
}
