using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// Byte-pair encoding by a list of merges, as in GPT-2 and Hugging Face's <c>BPE</c> model: characters become symbols,
/// and the pair that stands earliest in the list is joined first.
/// </summary>
internal sealed class BytePairModel : ITokenModel
{
    private const int LongestCachedWord = 64, CachedWords = 1 << 16;

    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idOf;
    private readonly Dictionary<(int, int), (int Rank, int Id)> _merges = [];
    private readonly ConcurrentDictionary<string, int[]> _cache = new();
    private readonly int[]? _byteIds;       // ids of <0x00> .. <0xFF>
    private readonly int? _unknown;
    private readonly Options _options;
    private readonly string _where;
    private int _cached;

    /// <summary>
    /// The model's settings in tokenizer.json, and whether its characters are those of <see cref="ByteAlphabet"/>.
    /// </summary>
    public sealed record Options(
        bool ByteLevel = false, bool IgnoreMerges = false, bool ByteFallback = false, string? Unknown = null,
        bool FuseUnknown = false);

    /// <exception cref="TokenizerException">A merge or the unknown token is not made of pieces of the
    /// vocabulary.</exception>
    public BytePairModel(
        Dictionary<string, int> vocabulary, List<(string, string)> merges, Options options, string where)
    {
        _idOf = vocabulary.GetAlternateLookup<ReadOnlySpan<char>>();
        _options = options;
        _where = where;
        for (int rank = 0; rank < merges.Count; rank++)
        {
            var (left, right) = merges[rank];
            int Id(string piece) => vocabulary.TryGetValue(piece, out int id) ? id : throw new TokenizerException(
                "a merge uses a piece that the vocabulary lacks", where, $"merge {rank}: \"{left}\" \"{right}\"",
                $"\"{piece}\"");
            _merges[(Id(left), Id(right))] = (rank, Id(left + right));
        }

        if (options.Unknown is { } unknown)
            _unknown = vocabulary.TryGetValue(unknown, out int id) ? id : throw new TokenizerException(
                "the unknown token is not in the vocabulary", where, unknown);
        if (options.ByteFallback)
            _byteIds = ByteIds(vocabulary, where);
    }

    public void Encode(ReadOnlySpan<char> word, List<int> ids)
    {
        if (!_cache.GetAlternateLookup<ReadOnlySpan<char>>().TryGetValue(word, out int[]? found))
        {
            found = Merge(_options.ByteLevel ? ByteAlphabet.FromText(word) : word);
            if (word.Length <= LongestCachedWord && _cached < CachedWords && _cache.TryAdd(word.ToString(), found))
                Interlocked.Increment(ref _cached);
        }
        ids.AddRange(found);
    }

    private static int[]? ByteIds(Dictionary<string, int> vocabulary, string where)
    {
        int[] ids = [.. Enumerable.Range(0, 256).Select(b => vocabulary.GetValueOrDefault($"<0x{b:X2}>", -1))];
        int missing = ids.Count(id => id < 0);
        return missing is 0 or 256
            ? missing == 0 ? ids : null
            : throw new TokenizerException("some byte pieces are missing", where, $"{256 - missing} of 256");
    }

    private int[] Merge(ReadOnlySpan<char> word)
    {
        if (_options.IgnoreMerges && _idOf.TryGetValue(word, out int whole))
            return [whole];
        var symbols = CollectionsMarshal.AsSpan(Symbols(word));
        PairMerge.Run(symbols, new Rule(_merges));
        var ids = new List<int>(symbols.Length);
        foreach (var symbol in symbols)
        {
            if (symbol.Length > 0)
                ids.Add(symbol.Id);
        }
        return [.. ids];
    }

    /// <summary>
    /// One symbol for each character, or for each byte of one that the vocabulary lacks, or the unknown token.
    /// </summary>
    private List<Symbol> Symbols(ReadOnlySpan<char> word)
    {
        var symbols = new List<Symbol>(word.Length);
        Span<byte> utf8 = stackalloc byte[4];
        bool wasUnknown = false;
        for (int at = 0; at < word.Length;)
        {
            Rune.DecodeFromUtf16(word[at..], out Rune rune, out int length);
            bool isUnknown = false;
            if (_idOf.TryGetValue(word.Slice(at, length), out int id))
            {
                symbols.Add(new Symbol { Length = length, Id = id });
            }
            else if (_byteIds is not null)
            {
                foreach (byte b in utf8[..rune.EncodeToUtf8(utf8)])
                    symbols.Add(new Symbol { Length = 1, Id = _byteIds[b] });
            }
            else
            {
                isUnknown = true;
                if (!(wasUnknown && _options.FuseUnknown))
                    symbols.Add(new Symbol { Length = length, Id = _unknown ?? throw Inexpressible(rune) });
            }
            wasUnknown = isUnknown;
            at += length;
        }
        return symbols;
    }

    private TokenizerException Inexpressible(Rune rune) => new(
        "the text has a character that the vocabulary cannot express, and there is no unknown token", _where,
        $"U+{rune.Value:X4}" + (_options.ByteLevel ? " of the byte alphabet" : ""));

    private readonly struct Rule(Dictionary<(int, int), (int Rank, int Id)> merges) : IMergeRule
    {
        public bool Joins(in Symbol left, in Symbol right, out int rank, out int id)
        {
            bool joins = merges.TryGetValue((left.Id, right.Id), out var merge);
            (rank, id) = merge;
            return joins;
        }
    }
}
