using System.Buffers;
using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>Builds the pipeline of a SentencePiece model, and decodes as SentencePieceProcessor does.</summary>
internal sealed class SentencePieceTokenizer : ITokenDecoder
{
    private readonly SentencePieceFile _file;
    private readonly Dictionary<int, AddedToken> _added;
    private readonly HashSet<int> _special;
    private readonly bool _dropsFirstSpace;

    private SentencePieceTokenizer(
        SentencePieceFile file, Dictionary<int, AddedToken> added, IEnumerable<int> special, bool addsSpace)
    {
        (_file, _added, _special) = (file, added, [.. special]);
        _dropsFirstSpace = addsSpace || file.RemoveExtraWhitespace;
    }

    /// <summary>
    /// Loads a <c>.model</c>. As in SentencePiece, its control pieces are not recognised in a text; those that the
    /// files beside it list are, and so is every token that they add. Where "legacy" is not false, the text after such
    /// a token is encoded as a text of its own, with a space in front.
    /// </summary>
    public static ITextTokenizer Load(string path, byte[] bytes, TokenizerSettings settings)
    {
        TokenizerClasses.RequireSentencePiece(settings);
        var file = new SentencePieceFile(bytes, path);
        var tokens = Tokens(file, path, settings, out var added);
        int? IdOf(string text) =>
            tokens.FirstOrDefault(token => token.Value == text) is { Value: not null } found ? found.Key : null;
        int? Control(string text) =>
            file.Pieces.FindIndex(p => p.Kind == PieceKind.Control && p.Text == text) is >= 0 and var id ? id : null;
        var special = settings.Resolve(tokens, IdOf, role => Control(
            role == "bos" ? file.BosPiece : role == "eos" ? file.EosPiece : file.PadPiece));
        // <s>, </s> and <unk> that merely have a role stay text, as SentencePiece has it; what a list names is a token.
        foreach (var token in settings.Special.Where(token => !token.HasRole))
        {
            if (IdOf(token.Content) is { } id)
                added.TryAdd(id, token with { Id = id });
        }

        var invisible = settings.Special.Select(token => IdOf(token.Content)).OfType<int>()
            .Concat(added.Values.Where(token => token.Special).Select(token => token.Id));
        // a chat template writes them all the same
        var marks = new[] { special.Bos, special.Eos }.OfType<int>().Where(id => !added.ContainsKey(id)).Distinct()
            .Select(id => new AddedToken(id, tokens[id], Special: true));
        return Build(path, file, settings, special, tokens.Keys.Max() + 1, added, invisible, [.. marks]);
    }

    private static TokenizerPipeline Build(
        string path, SentencePieceFile file, TokenizerSettings settings, SpecialIds special, int size,
        Dictionary<int, AddedToken> added, IEnumerable<int> invisible, AddedToken[] marks)
    {
        var userDefined = new PrefixSet(file.Pieces.Where(p => p.Kind == PieceKind.UserDefined).Select(p => p.Text));
        var normalizer = new SentencePieceNormalizer(file, userDefined, path);
        bool addsSpace = settings.Legacy ? file.AddDummyPrefix : settings.AddPrefixSpace ?? true;
        int[] prefix = special.Bos is { } bos ? [bos] : [];
        return new TokenizerPipeline(
            added.Values.Select(token => token with { Normalized = false }).ToArray(),
            settings.Legacy
                ? (text, _) => normalizer.Normalize(text)
                : (text, first) => normalizer.NormalizePart(text, first && addsSpace),
            special, settings.Around((prefix, []), special))
        {
            Marks = marks,
            VocabularySize = size,
            Splitters = [],
            Model = new SentencePieceModel(file, userDefined, path),
            Decoder = new SentencePieceTokenizer(file, added, invisible, addsSpace),
            Source = new PieceSource(file, added.Values, addsSpace, settings.Legacy),
        };
    }

    /// <summary>All tokens by id; a token that a file adds in a piece's place takes it.</summary>
    private static Dictionary<int, string> Tokens(
        SentencePieceFile file, string path, TokenizerSettings settings, out Dictionary<int, AddedToken> added)
    {
        var tokens = new Dictionary<int, string>(
            file.Pieces.Select((piece, id) => KeyValuePair.Create(id, piece.Text)));
        added = [];
        foreach (var token in settings.AddedTokens)
        {
            if (!added.TryAdd(token.Id, token))
                throw new TokenizerException("two tokens have the same id", path, $"\"{token.Content}\": {token.Id}");
            tokens[token.Id] = token.Content;
        }
        return tokens;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// The space that was put in front of the text is dropped, and no other. Special tokens are invisible, as if they
    /// were not there, or, unless skipped, stand as they are written.
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
        bool known = id < _file.Pieces.Count;
        if (skipSpecialTokens && (_special.Contains(id) || (known && _file.Pieces[id].Kind == PieceKind.Control)))
            return;
        if (_added.TryGetValue(id, out var token) || !known || _file.Pieces[id].Kind == PieceKind.Control)
        {
            text.Append(token?.Content ?? (known ? _file.Pieces[id].Text : ""));
            atStart &= text.Length == 0;
            return;
        }

        var piece = _file.Pieces[id];
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
