using System.Runtime.InteropServices;
using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// SentencePiece's BPE (bpe_model.cc): neighbours join when their union is a piece, the highest score first, the
/// leftmost of equals.
/// </summary>
internal sealed class SentencePieceModel : ITokenModel
{
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _joined;   // what merging may make
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idOf;     // what a symbol is at last
    private readonly List<Piece> _pieces;
    private readonly PrefixSet _userDefined;
    private readonly int[] _rank;
    private readonly int[]? _byteIds;
    private readonly int _unknown;

    public SentencePieceModel(SentencePieceFile file, PrefixSet userDefined, string where)
    {
        _pieces = file.Pieces;
        _userDefined = userDefined;
        var joined = new Dictionary<string, int>();
        var reserved = new Dictionary<string, int>();
        for (int id = 0; id < _pieces.Count; id++)
        {
            bool isText = _pieces[id].Kind is PieceKind.Normal or PieceKind.UserDefined or PieceKind.Unused;
            if (!(isText ? joined : reserved).TryAdd(_pieces[id].Text, id))
                throw new TokenizerException("a piece stands twice", where, $"piece {id}: \"{_pieces[id].Text}\"");
        }
        _joined = joined.GetAlternateLookup<ReadOnlySpan<char>>();
        _idOf = new Dictionary<string, int>(joined.Concat(reserved).GroupBy(p => p.Key)
            .Select(g => g.Last())).GetAlternateLookup<ReadOnlySpan<char>>();

        _unknown = file.Pieces.FindIndex(p => p.Kind == PieceKind.Unknown);
        int ByteId(int b) =>
            reserved.TryGetValue($"<0x{b:X2}>", out int id) && _pieces[id].Kind == PieceKind.Byte ? id
            : throw new TokenizerException("a byte piece is missing", where, $"no <0x{b:X2}>");
        _byteIds = file.ByteFallback ? [.. Enumerable.Range(0, 256).Select(ByteId)] : null;
        var rankOf = _pieces.Select(p => p.Score).Distinct().OrderDescending().Select((score, rank) => (score, rank))
            .ToDictionary(p => p.score, p => p.rank);
        _rank = [.. _pieces.Select(p => rankOf[p.Score])];
    }

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        var symbols = CollectionsMarshal.AsSpan(Symbols(word));
        var unused = new Dictionary<string, int>();
        PairMerge.Run(symbols, new Rule(this, word, unused));
        bool afterUnknown = false;
        foreach (var symbol in symbols)
        {
            if (symbol.Length > 0)
                Emit(word.Slice(symbol.Start, symbol.Length), unused, ids, ref afterUnknown);
        }
    }

    private List<Symbol> Symbols(ReadOnlySpan<char> word)
    {
        var symbols = new List<Symbol>(word.Length);
        for (int at = 0, length; at < word.Length; at += length)
        {
            string? piece = _userDefined.Longest(word[at..]);
            Rune.DecodeFromUtf16(word[at..], out _, out length);
            length = piece?.Length ?? length;
            symbols.Add(new Symbol { Start = at, Length = length, Frozen = piece is not null });
        }
        return symbols;
    }

    /// <summary>
    /// The symbol's id; an unused piece is taken apart again; an unknown one becomes bytes, or one id for a whole run.
    /// </summary>
    private void Emit(ReadOnlySpan<char> text, Dictionary<string, int> unused, List<int> ids, ref bool afterUnknown)
    {
        int id = _idOf.TryGetValue(text, out int known) ? known : _unknown;
        if (_pieces[id].Kind == PieceKind.Unused
            && unused.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(text, out int left))
        {
            Emit(text[..left], unused, ids, ref afterUnknown);
            Emit(text[left..], unused, ids, ref afterUnknown);
            return;
        }

        if (id == _unknown && _byteIds is not null)
        {
            Span<byte> utf8 = stackalloc byte[4];
            foreach (Rune rune in text.EnumerateRunes())
            {
                foreach (byte b in utf8[..rune.EncodeToUtf8(utf8)])
                    ids.Add(_byteIds[b]);
            }
        }
        else if (!(id == _unknown && afterUnknown))
        {
            ids.Add(id);
        }
        afterUnknown = id == _unknown;
    }

    private readonly ref struct Rule(
        SentencePieceModel model, ReadOnlySpan<char> word, Dictionary<string, int> unused) : IMergeRule
    {
        private readonly ReadOnlySpan<char> _word = word;

        public bool Joins(in Symbol left, in Symbol right, out int rank, out int id)
        {
            rank = 0;
            if (!model._joined.TryGetValue(_word.Slice(left.Start, left.Length + right.Length), out id))
                return false;
            rank = model._rank[id];
            if (model._pieces[id].Kind == PieceKind.Unused)
                unused[model._pieces[id].Text] = left.Length;       // how it was made, in case it remains
            return true;
        }
    }
}
