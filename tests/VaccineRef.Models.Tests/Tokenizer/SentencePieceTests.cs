using System.Buffers.Binary;
using System.Text;

namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>SentencePiece's rules one at a time, on models of a few pieces.</summary>
public sealed class SentencePieceTests : IDisposable
{
    private static readonly (string, float, int)[] Usual = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3)];

    private readonly TokenizerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Llama_adds_its_bos_unless_told_otherwise()
    {
        _folder.WithModel([.. Usual, ("▁a", 0, 1)], bytes: true);
        Assert.Equal([1, 3], _folder.Load().Encode("a"));
        Assert.Equal([3], _folder.Load().Encode("a", addSpecialTokens: false));
        Assert.Equal([1], _folder.Load().Encode(""));
        _folder.With("tokenizer_config.json", """
            {"add_bos_token": false, "add_eos_token": true, "pad_token": {"content": "<unk>"}}
            """);
        var tokenizer = _folder.Load();
        Assert.Equal([3, 2], tokenizer.Encode("a"));
        Assert.Equal((1, 2, 0, "</s>"), (tokenizer.BosId, tokenizer.EosId, tokenizer.PadId, tokenizer.EosText));
    }

    [Fact]
    public void Control_pieces_in_a_text_are_text_and_invisible_when_decoded()
    {
        var tokenizer = _folder.WithModel(Usual, bytes: true).Load();
        Assert.Equal("<s>"u8.ToArray().Select(b => 3 + b), tokenizer.Encode("<s>", addSpecialTokens: false).Skip(3));
        Assert.Equal("hi", tokenizer.Decode([1, 3 + 'h', 2, 3 + 'i', 2]));
        Assert.Equal("<s>hi</s>", tokenizer.Decode([1, 3 + 'h', 3 + 'i', 2], skipSpecialTokens: false));
    }

    [Fact]
    public void Bytes_stand_for_what_has_no_piece_and_a_broken_byte_is_one_replacement()
    {
        var tokenizer = _folder.WithModel([.. Usual, ("▁", 0, 1)], bytes: true).Load();
        Assert.Equal([3, 4 + 0xF0, 4 + 0x9F, 4 + 0x98, 4 + 0x81], tokenizer.Encode("😁", addSpecialTokens: false));
        Assert.Equal("😁", tokenizer.Decode(tokenizer.Encode("😁")));
        Assert.Equal("\uFFFD\uFFFDa", tokenizer.Decode([4 + 0xF0, 4 + 0x9F, 4 + 'a']));
    }

    [Fact]
    public void A_run_without_pieces_is_one_unknown()
    {
        var tokenizer = _folder.WithModel([.. Usual, ("▁", -1, 1), ("a", -2, 1)], bytes: false).Load();
        Assert.Equal([3, 0, 4, 0], tokenizer.Encode("xyaz", addSpecialTokens: false));
        Assert.Equal(" \u2047 a \u2047 ", tokenizer.Decode([3, 0, 4, 0]));
    }

    [Fact]
    public void User_defined_pieces_are_never_split_or_merged()
    {
        var tokenizer = _folder.WithModel(
            [.. Usual, ("ab", 0, 4), ("abc", -1, 1), ("▁", -2, 1), ("a", -3, 1), ("c", -4, 1)], bytes: false).Load();
        Assert.Equal([5, 3, 7], tokenizer.Encode("abc", addSpecialTokens: false));
    }

    [Fact]
    public void An_unused_piece_serves_merging_and_is_taken_apart_again()
    {
        var tokenizer = _folder.WithModel(
            [.. Usual, ("a", -9, 1), ("b", -9, 1), ("ab", -1, 5), ("abb", -2, 1)],
            bytes: false, dummyPrefix: false).Load();
        Assert.Equal([6], tokenizer.Encode("abb", addSpecialTokens: false));
        Assert.Equal([3, 4, 3], tokenizer.Encode("aba", addSpecialTokens: false));
    }

    [Fact]
    public void Extra_white_space_goes_and_the_charsmap_applies_where_the_model_says_so()
    {
        byte[] map = CharsMap([("ﬁ", "fi"), ("ﬀ", "ff"), ("\t", " "), ("x\u0301", "y")]);
        var letters = "▁abfixy".Select((c, i) => (c.ToString(), -1f - i, 1));
        var tokenizer = _folder.WithModel([.. Usual, .. letters], bytes: false, map, removeExtra: true).Load();
        Assert.Equal("ab fi y", tokenizer.Decode(tokenizer.Encode(" \t ab \t ﬁ  x\u0301 ")));
        Assert.Empty(tokenizer.Encode(" \t ", addSpecialTokens: false));
        Assert.Equal("ffx", tokenizer.Decode(tokenizer.Encode("ﬀx")));
    }

    [Fact]
    public void Only_the_space_that_was_added_is_dropped()
    {
        var tokenizer = _folder.WithModel([.. Usual, ("▁", -1, 1), ("▁▁", 0, 1), ("a", -2, 1)], bytes: true).Load();
        foreach (string text in new[] { "a", " a", "  a", " ", "   ", "a ", "", "\u2581a".Replace('\u2581', ' ') })
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    [Fact]
    public void Tokens_added_beyond_the_model_are_recognised()
    {
        _folder.WithModel([.. Usual, ("▁a", 0, 1)], bytes: false).With("added_tokens.json", """{"<pad>": 4}""")
            .With("special_tokens_map.json", """{"pad_token": "<pad>"}""");
        var tokenizer = _folder.Load();
        Assert.Equal((5, 4), (tokenizer.VocabularySize, tokenizer.PadId));
        Assert.Equal([3, 4, 3], tokenizer.Encode("a<pad>a", addSpecialTokens: false));
        Assert.Equal("a<pad> a", tokenizer.Decode([3, 4, 3], skipSpecialTokens: false));
        Assert.Equal("a a", tokenizer.Decode([3, 4, 3]));
    }

    /// <summary>A double-array trie with a block of 256 units for each node, and the replacements behind it.</summary>
    private static byte[] CharsMap((string From, string To)[] rules)
    {
        var replacements = new List<byte>();
        var keys = new List<(byte[] Key, uint Value)>();
        foreach (var (from, to) in rules)
        {
            keys.Add((Encoding.UTF8.GetBytes(from), (uint)replacements.Count));
            replacements.AddRange([.. Encoding.UTF8.GetBytes(to), 0]);
        }

        var units = new List<uint> { 0 };
        units.AddRange(new uint[255]);
        void Build(int node, byte label, int depth, List<(byte[] Key, uint Value)> below)
        {
            int block = units.Count;
            units.AddRange(new uint[256]);
            var ends = below.Where(k => k.Key.Length == depth).ToList();
            units[node] = label | (ends.Count > 0 ? 1u << 8 : 0) | ((uint)(node ^ block) << 10);
            if (ends.Count > 0)
                units[block] = ends[0].Value | 0x80000000;
            foreach (var group in below.Where(k => k.Key.Length > depth).GroupBy(k => k.Key[depth]))
                Build(block + group.Key, group.Key, depth + 1, [.. group]);
        }

        Build(0, 0, 0, keys);
        byte[] blob = new byte[4 + (units.Count * 4)];
        BinaryPrimitives.WriteUInt32LittleEndian(blob, (uint)(units.Count * 4));
        for (int i = 0; i < units.Count; i++)
            BinaryPrimitives.WriteUInt32LittleEndian(blob.AsSpan(4 + (i * 4)), units[i]);
        return [.. blob, .. replacements];
    }
}
