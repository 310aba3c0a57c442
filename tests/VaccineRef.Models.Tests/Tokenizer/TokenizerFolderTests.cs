using System.Diagnostics;
using System.Text.Json.Nodes;

namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>What the small files beside a vocabulary say, and which file of a folder is the tokenizer.</summary>
public sealed class TokenizerFolderTests : IDisposable
{
    private const int End = 256;        // the id after the bytes

    private const string Qwen2Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
        + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly (string, float, int)[] Pieces =
    [
        ("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("▁a", 0, 1),
    ];

    private readonly TokenizerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("added_tokens.json", """{"<tool>": 257}""")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"257": {"content": "<tool>"}}}""")]
    public void A_token_that_tokenizer_json_lacks_is_added(string file, string content)
    {
        _folder.WithJson([]).With(file, content);
        var tokenizer = _folder.Load();
        Assert.Equal(End + 2, tokenizer.VocabularySize);
        Assert.Equal(['a', End + 1, 'b', End], tokenizer.Encode("a<tool>b<|endoftext|>"));
        Assert.Equal("a<tool>b", tokenizer.Decode(['a', End + 1, 'b', End]));
    }

    [Theory]
    [InlineData("""{"<|endoftext|>": 300}""", "another id")]
    [InlineData("""{"<tool>": 256}""", "same id")]
    public void Two_files_that_disagree_are_an_error(string added, string named)
    {
        _folder.WithJson([]).With("added_tokens.json", added);
        Refuses(named);
    }

    [Theory]
    [InlineData("added_tokens.json", """{"<|im_end|>": 257}""", "special_tokens_map.json", """{"eos_token": "<|im_end|>"}""")]
    [InlineData("added_tokens.json", """{"<|im_end|>": 257}""", "tokenizer_config.json",
        """{"eos_token": {"content": "<|im_end|>"}}""")]
    public void An_added_end_token_is_special(string file, string content, string other, string naming)
    {
        _folder.With(file, content).With(other, naming);
        void Ends(ITextTokenizer tokenizer, int id, int letter)
        {
            Assert.Equal((id, "<|im_end|>"), (tokenizer.EosId, tokenizer.EosText));
            Assert.Equal("a", tokenizer.Decode([letter, id]));
            Assert.Equal([letter, id], tokenizer.Encode("a<|im_end|>", addSpecialTokens: false));
        }

        Ends(_folder.WithJson([]).Load(), 257, 'a');
        File.Delete(Path.Combine(_folder.Path, "tokenizer.json"));
        _folder.With("merges.txt", "").With("vocab.json", new JsonObject(TokenizerFolder.ByteLevelVocabulary([])
            .Append(new("<|endoftext|>", End))
            .Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))).ToJsonString());
        Ends(_folder.Load(), 257, 'a');
        File.Delete(Path.Combine(_folder.Path, "vocab.json"));
        Ends(_folder.WithModel(Pieces, bytes: false).Load(), 257, 3);
    }

    [Fact]
    public void An_added_token_of_two_files_is_written_as_it_stands()
    {
        var vocabulary = TokenizerFolder.ByteLevelVocabulary([]);
        _folder.With("merges.txt", "")
            .With("added_tokens.json", """{"<é a>": 300}""").With("vocab.json", new JsonObject(
            vocabulary.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))).ToJsonString());
        Assert.Equal("é <é a> b", _folder.Load().Decode(_folder.Load().Encode("é <é a> b")));
        Assert.Contains(300, _folder.Load().Encode("é <é a> b"));
    }

    [Fact]
    public void A_special_token_among_the_pieces_is_a_token()
    {
        _folder.WithJson([], json => json["model"]!["vocab"]!["</s>"] = End + 1)
            .With("special_tokens_map.json", """{"eos_token": "</s>", "additional_special_tokens": ["<none>"]}""");
        var tokenizer = _folder.Load();
        Assert.Equal(['a', End + 1], tokenizer.Encode("a</s>"));
        Assert.Equal("a", tokenizer.Decode(['a', End + 1]));
    }

    [Fact]
    public void A_padding_token_that_the_vocabulary_lacks_is_none()
    {
        _folder.WithJson([]).With("tokenizer_config.json", """{"pad_token": "[PAD]", "eos_token": "<|endoftext|>"}""");
        var tokenizer = _folder.Load();
        Assert.Equal((null, End), (tokenizer.PadId, tokenizer.EosId));
        Assert.Equal("[PAD]".Select(c => (int)c), tokenizer.Encode("[PAD]"));
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("{\"content\": \"\"}")]
    public void An_empty_name_is_no_token(string empty)
    {
        _folder.With("config.json", """{"bos_token_id": 0, "eos_token_id": 1}""").With(
            "tokenizer_config.json",
            $$"""{"bos_token": {{empty}}, "eos_token": {{empty}}, "unk_token": {{empty}}, "pad_token": {{empty}}}""");
        var tokenizer = _folder.WithModel(Pieces, bytes: true).Load();
        Assert.Equal((null, null, null), (tokenizer.BosId, tokenizer.EosId, tokenizer.PadId));
        Assert.Equal([3], tokenizer.Encode("a"));
        _folder.With("special_tokens_map.json", """{"bos_token": "<s>"}""");       // a file that has a name says more
        Assert.Equal([1, 3], _folder.Load().Encode("a"));
        _folder.With("tokenizer_config.json", "{}").With("special_tokens_map.json", "{}");
        Assert.Equal((0, 1), (_folder.Load().BosId, _folder.Load().EosId));
    }

    [Fact]
    public void The_end_is_that_of_generation_config_where_nothing_else_says_one()
    {
        _folder.WithJson([], json => json["added_tokens"]!.AsArray().Clear())
            .With("generation_config.json", """{"eos_token_id": [65, 66]}""");
        Assert.Equal(65, _folder.Load().EosId);
        _folder.With("config.json", """{"eos_token_id": 67}""");
        Assert.Equal(67, _folder.Load().EosId);
    }

    [Property(MaxTest = 300)]
    public Property Qwen2_from_its_two_files_is_Qwen2_from_tokenizer_json(bool named)
    {
        string[] merges = ["1 1", "' s", "e Ì", "Ġ a", "a a", "Ċ Ċ"];
        using var json = new TokenizerFolder().WithJson(merges, root =>
        {
            root["normalizer"] = new JsonObject { ["type"] = "NFC" };
            root["pre_tokenizer"] = JsonNode.Parse("""
                {"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated", "pattern": {"Regex": ""}},
                 {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}
                """);
            root["pre_tokenizer"]!["pretokenizers"]![0]!["pattern"]!["Regex"] = Qwen2Pattern;
        });
        var vocabulary = TokenizerFolder.ByteLevelVocabulary(merges);
        vocabulary["<|endoftext|>"] = vocabulary.Count;
        _folder.With("merges.txt", "#version: 0.2\n" + string.Join('\n', merges))
            .With("vocab.json", new JsonObject(
                vocabulary.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value))).ToJsonString());
        _ = named
            ? _folder.With("tokenizer_config.json", """{"tokenizer_class": "Qwen2Tokenizer"}""")
            : _folder.With("config.json", """{"model_type": "qwen2"}""");
        var (two, one) = (_folder.Load(), json.Load());
        var texts = Gen.Elements("11", "'S", "e\u0301", " aa", "\n\n", "1", "a", "<|endoftext|>", "\u212B", "é")
            .ListOf()
            .Select(bits => string.Concat(bits));
        Assert.NotEqual([.. one.Encode("e\u0301")], (int[])['e', 0xCC, 0x81]);
        return Prop.ForAll(texts.ToArbitrary(), text => Assert.Equal(one.Encode(text), two.Encode(text)));
    }

    [Theory]
    [InlineData("tokenizer.model", "LlamaTokenizerFast", true)]
    [InlineData("tokenizer.model", "T5Tokenizer", false)]
    [InlineData("tokenizer.json", "PreTrainedTokenizerFast", true)]
    [InlineData("tokenizer.json", "Qwen2Tokenizer", true)]
    [InlineData("tokenizer.json", "OurOwnTokenizer", false)]
    [InlineData("vocab.json", "GPT2TokenizerFast", true)]
    [InlineData("vocab.json", "RobertaTokenizer", false)]
    [InlineData("vocab.json", "LlamaTokenizer", false)]
    public void A_class_whose_rule_is_not_known_is_refused(string file, string name, bool known)
    {
        _ = file switch
        {
            "tokenizer.model" => _folder.WithModel(Pieces, bytes: false),
            "tokenizer.json" => _folder.WithJson([]),
            _ => _folder.With(file, """{"a": 0}""").With("merges.txt", ""),
        };
        _folder.With("tokenizer_config.json", $$"""{"tokenizer_class": "{{name}}"}""");
        if (known)
            Assert.Contains(_folder.Load().Encode("a"), id => id is 0 or 3 or 'a');
        else
            Refuses(name);
    }

    [Fact]
    public void Two_files_of_a_family_without_a_known_rule_are_refused()
    {
        _folder.With("vocab.json", """{"a": 0}""").With("merges.txt", "").With(
            "config.json", """{"model_type": "phi"}""");
        Refuses("phi");
    }

    [Fact]
    public void A_tiktoken_file_leaves_it_to_tokenizer_json_and_is_named_where_it_is_alone()
    {
        string lines = string.Concat(
            Enumerable.Range(0, 256).Select(b => $"{Convert.ToBase64String([(byte)b])} {b}\n"));
        foreach (string content in new[] { lines, lines.ReplaceLineEndings("\r\n"), "IQ== 0", "IQ== 0\nIg== 1\n" })
        {
            _folder.With("tokenizer.model", content);
            Refuses("tiktoken");
            Assert.Equal(['a'], _folder.WithJson([]).Load().Encode("a"));
            File.Delete(Path.Combine(_folder.Path, "tokenizer.json"));
        }
    }

    [Fact]
    public void The_class_says_which_of_two_files_it_reads()
    {
        _folder.WithJson([]).WithModel(Pieces, bytes: false);
        Assert.Equal([1, 3], _folder.Load().Encode("a"));
        _folder.With("tokenizer_config.json", """{"tokenizer_class": "PreTrainedTokenizerFast"}""");
        Assert.Equal(['a'], _folder.Load().Encode("a"));
    }

    [Theory]
    [InlineData("tokenizer.model")]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("merges.txt")]
    public void A_pointer_of_git_lfs_is_named(string file)
    {
        _folder.WithJson([]).With(file, "version https://git-lfs.github.com/spec/v1\noid sha256:9e55\nsize 499723\n");
        if (file == "merges.txt")
        {
            File.Delete(Path.Combine(_folder.Path, "tokenizer.json"));
            _folder.With("vocab.json", """{"a": 0}""");
        }
        Refuses("Git LFS pointer");
        Refuses("git lfs pull");
    }

    [Theory]
    [InlineData("tokenizer_config.json", """{"\ud800legacy": 1, "eos_token": "x"}""")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder": {"\udc00": {"content": "x"}}}""")]
    [InlineData("special_tokens_map.json", """{"eos_\ud83d": "x", "eos_token": {"\ud800ontent": "x"}}""")]
    [InlineData("config.json", """{"\ud800odel_type": "opt"}""")]
    public void Half_a_surrogate_pair_in_a_name_is_refused(string file, string content)
    {
        _folder.WithJson([]).With(file, content);
        Refuses("not valid text");
    }

    [Theory]
    [InlineData("(a+)+$")]
    [InlineData("(.*)*\\\\d")]
    [InlineData("((a|b)*)*c")]
    public void A_pattern_that_could_take_forever_is_refused_at_once(string pattern)
    {
        var clock = Stopwatch.StartNew();
        _folder.WithJson([], json => json["pre_tokenizer"] = JsonNode.Parse(
            $$"""{"type": "Split", "pattern": {"Regex": "{{pattern}}"}, "behavior": "Isolated"}"""));
        Refuses("pattern");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5));
    }

    private void Refuses(string named) =>
        Assert.Contains(named, Assert.Throws<TokenizerException>(_folder.Load).Message, StringComparison.Ordinal);
}
