using VaccineRef.Core;

namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>Whatever is wrong with the files, the answer is a <see cref="TokenizerException"/> that names it.</summary>
public sealed class BrokenTokenizerTests : IDisposable
{
    private readonly TokenizerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A text that is no UTF-8, where a list should stand, is named without being quoted.</summary>
    [Fact]
    public void What_is_not_text_is_not_quoted()
    {
        _folder.WithJson([]).With("tokenizer_config.json", [.. "{\"added_tokens_decoder\": \""u8, 0xC5, .. "\"}"u8]);
        Assert.Contains(
            "tokenizer_config.json", Assert.ThrowsAny<InputException>(() => _folder.Load()).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("normalizer", """{"type": "NFKC"}""", "$.normalizer.type")]
    [InlineData("normalizer", """{"type": "NFC", "form": 1}""", "$.normalizer[\"form\"]")]
    [InlineData("pre_tokenizer", """{"type": "Whitespace"}""", "$.pre_tokenizer.type")]
    [InlineData("pre_tokenizer", """{"type": "Split", "pattern": {"Regex": "\\w"}, "behavior": "Isolated"}""", "Regex")]
    [InlineData("pre_tokenizer",
        """{"type": "Sequence", "pretokenizers": [{"type": "ByteLevel"}, {"type": "Digits"}]}""", "pretokenizers[1]")]
    [InlineData("post_processor", """{"type": "RobertaProcessing"}""", "$.post_processor.type")]
    [InlineData("decoder", """{"type": "WordPiece"}""", "$.decoder.type")]
    [InlineData("model", """{"type": "Unigram", "vocab": {}, "merges": []}""", "$.model.type")]
    [InlineData("model", """{"vocab": {}, "merges": [], "dropout": 0.1}""", "$.model.dropout")]
    [InlineData("model", """{"vocab": {}, "merges": [], "end_of_word_suffix": "</w>"}""", "end_of_word_suffix")]
    [InlineData("model", """{"vocab": {"a": 0, "b": 0}, "merges": []}""", "same id")]
    [InlineData("model", """{"vocab": {"a": 2000000000}, "merges": []}""", "$.model.vocab[\"a\"]")]
    [InlineData("model", """{"vocab": {"a": 0}, "merges": ["a b"]}""", "\"b\"")]
    [InlineData("model", """{"vocab": {"a": 0}, "merges": ["a"]}""", "$.model.merges[0]")]
    [InlineData("model", """{"vocab": {"\ud800": 0}, "merges": []}""", "not valid text")]
    [InlineData("added_tokens", """[{"id": 256, "content": "x", "single_word": true}]""", "single_word")]
    [InlineData("added_tokens", """[{"id": 7, "content": "a"}]""", "another id")]
    [InlineData("surprise", "1", "surprise")]
    public void A_setting_that_is_not_supported_is_named(string key, string value, string named)
    {
        _folder.WithJson([], json => json[key] = "HERE");
        string text = File.ReadAllText(Path.Combine(_folder.Path, "tokenizer.json"));
        _folder.With("tokenizer.json", text.Replace("\"HERE\"", value, StringComparison.Ordinal));
        Refuses(named);
    }

    [Fact]
    public void Absent_files_are_named()
    {
        Refuses("the folder has no tokenizer");
        _folder.With("vocab.json", """{"a": 0}""");
        Refuses("merges.txt");
        Assert.Throws<TokenizerException>(() => TextTokenizer.Load(Path.Combine(_folder.Path, "nowhere")));
    }

    [Fact]
    public void A_special_token_outside_the_vocabulary_is_named()
    {
        _folder.WithJson([]).With("tokenizer_config.json", """{"eos_token": "<no>"}""");
        Refuses("<no>");
    }

    [Fact]
    public void A_model_that_SentencePiece_would_refuse_is_refused()
    {
        _folder.WithModel([("<unk>", 0, 2)], bytes: false, modelType: 1);
        Refuses("model_type");
        _folder.WithModel([("a", 0, 1)], bytes: false);
        Refuses("unknown piece");
        _folder.WithModel([("<unk>", 0, 2), ("a", 0, 1), ("a", 0, 1)], bytes: false);
        Refuses("twice");
        _folder.WithModel([("<unk>", 0, 2), ("a", float.NaN, 1)], bytes: false);
        Refuses("score");
        _folder.WithModel([("<unk>", 0, 2)], bytes: false, charsMap: [255, 255, 255, 255, 0, 0]);
        Refuses("precompiled_charsmap");
    }

    [Theory]
    [InlineData(1 << 13)]
    [InlineData(1 << 20)]
    public void A_long_line_of_spaces_is_refused_in_proportion_to_its_length(int length)
    {
        _folder.With("vocab.json", """{"a": 0, "b": 1, "ab": 2}""").With(
            "merges.txt", "#version: 0.2\na b\n" + new string(' ', length) + "\n");
        long before = GC.GetAllocatedBytesForCurrentThread();
        Refuses("merges.txt, line 3");
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, (16 * length) + 1_000_000);
    }

    /// <summary>
    /// A rule of the normaliser for "a" whose text would begin behind the last one: it is read as an empty text.
    /// </summary>
    [Fact]
    public void A_rule_that_points_behind_the_replacements_is_an_empty_one()
    {
        uint[] units = new uint[98];
        const uint HasLeaf = 0x100, Leaf = 0x80000000, Next = 1 << 10;
        // 'a' is at 1 ^ 'a' = 96, and its leaf at 96 ^ 1
        units[0] = Next;
        units[96] = Next | HasLeaf | 'a';
        units[97] = Leaf | 1000;
        byte[] trie = [.. units.SelectMany(BitConverter.GetBytes)];
        _folder.WithModel(
            [("<unk>", 0, 2), ("b", -1, 1)], bytes: true,
            charsMap: [.. BitConverter.GetBytes(trie.Length), .. trie, .. "c\0"u8], dummyPrefix: false);
        var tokenizer = _folder.Load();
        Assert.Equal(tokenizer.Encode("b"), tokenizer.Encode("aba"));
    }

    [Property(MaxTest = 300)]
    public void A_damaged_file_is_refused_or_loads(bool model, NonNegativeInt at, byte value, bool cut)
    {
        string name = model ? "tokenizer.model" : "tokenizer.json";
        (string, float, int)[] pieces = [("<unk>", 0, 2), ("<s>", 0, 3), ("▁ab", -1, 1), ("ab", -2, 1)];
        _ = model
            ? _folder.WithModel(pieces, bytes: true, charsMap: [4, 0, 0, 0, 0, 0, 0, 0, 0])
            : _folder.WithJson(["a b"]);
        byte[] bytes = File.ReadAllBytes(Path.Combine(_folder.Path, name));
        int place = (int)((uint)at.Get * 2654435761u % (uint)bytes.Length);
        bytes[place] = value;
        _folder.With(name, cut ? bytes[..place] : bytes);
        try
        {
            var tokenizer = _folder.Load();
            _ = tokenizer.Decode(tokenizer.Encode("ab abc é\0😁"));
        }
        catch (TokenizerException)
        {
        }
        File.Delete(Path.Combine(_folder.Path, name));
    }

    private void Refuses(string named)
    {
        var error = Assert.Throws<TokenizerException>(_folder.Load);
        Assert.IsAssignableFrom<InputException>(error);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }
}
