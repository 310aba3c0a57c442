using System.Text.Json.Nodes;

namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>
/// The settings of tokenizer.json one at a time; every expected id follows from the few merges written here.
/// </summary>
public sealed class TokenizerJsonTests : IDisposable
{
    private const int End = 256;        // the id after the bytes, where no merge is given

    private readonly TokenizerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("e\u0301", "é")]
    [InlineData("\u1100\u1161\u11A8", "각")]
    [InlineData("\uAC00\u11A8", "각")]
    [InlineData("\u0958", "\u0915\u093C")]              // excluded from composition
    [InlineData("\u212B", "Å")]                         // a singleton
    [InlineData("a\u0301\u0323", "\u1EA1\u0301")]       // dot below sorts before acute, then composes
    [InlineData("a\u0305\u0301", "a\u0305\u0301")]      // overline, of the same class, blocks
    [InlineData("\U0001D15E", "\U0001D157\U0001D165")]
    public void Nfc_composes(string text, string composed)
    {
        _folder.WithJson([], json => json["normalizer"] = new JsonObject { ["type"] = "NFC" });
        var tokenizer = _folder.Load();
        Assert.Equal(composed, tokenizer.Decode(tokenizer.Encode(text)));
        Assert.Equal(composed, tokenizer.Decode(tokenizer.Encode(composed)));
    }

    [Fact]
    public void Letters_beyond_the_first_plane_are_letters()
    {
        var tokenizer = _folder.WithJson(["a ð", "1 ð"]).Load();
        Assert.Equal([256, 0x9D, 0x92, 0xB3], tokenizer.Encode("a𝒳"));       // one word: the merge applies
        Assert.Equal([257, 0x9D, 0x9F, 0x9C], tokenizer.Encode("1𝟜"));
        Assert.Equal(['1', 0xF0, 0x9D, 0x92, 0xB3], tokenizer.Encode("1𝒳")); // two words: it does not
    }

    [Fact]
    public void Ignoring_merges_takes_a_whole_word_that_is_a_piece()
    {
        _folder.WithJson([], json =>
        {
            json["model"]!["vocab"]!["the"] = End + 1;
            json["model"]!["ignore_merges"] = true;
        });
        Assert.Equal([End + 1, ' ', 't', 'h', 'e'], _folder.Load().Encode("the the"));
    }

    [Fact]
    public void Added_tokens_are_longest_first_and_strip_as_flagged()
    {
        _folder.WithJson([], json =>
        {
            var tokens = json["added_tokens"]!.AsArray();
            var left = TokenizerFolder.Added(End + 1, "<l>", special: false);
            var right = TokenizerFolder.Added(End + 2, "<l>>", special: false);
            left["lstrip"] = true;
            right["rstrip"] = true;
            tokens.Add(left);
            tokens.Add(right);
        });
        var tokenizer = _folder.Load();
        Assert.Equal(['a', End + 1, ' ', 'b'], tokenizer.Encode("a  <l> b"));
        Assert.Equal(['a', ' ', End + 2, 'b'], tokenizer.Encode("a <l>>\u3000b"));
        Assert.Equal("ab<l>", tokenizer.Decode(['a', End, 'b', End + 1]));      // of the two, only the first is special
        Assert.Equal("a<|endoftext|>b", tokenizer.Decode(['a', End, 'b'], skipSpecialTokens: false));
    }

    [Fact]
    public void A_template_puts_its_tokens_around_the_text_and_add_bos_token_overrules_it()
    {
        _folder.WithJson([], json => json["post_processor"] = JsonNode.Parse("""
            {"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing",
             "single": [{"SpecialToken": {"id": "E", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
             "pair": [], "special_tokens": {"E": {"id": "E", "ids": [256], "tokens": ["<|endoftext|>"]}}}]}
            """));
        Assert.Equal([End, 'a'], _folder.Load().Encode("a"));
        Assert.Equal(['a'], _folder.Load().Encode("a", addSpecialTokens: false));
        Assert.Equal(End, _folder.Load().BosId);
        _folder.With("tokenizer_config.json", """{"add_bos_token": false, "add_eos_token": true}""");
        Assert.Equal(['a', End], _folder.Load().Encode("a"));
    }

    [Fact]
    public void Llama_2_style_files_prepend_fall_back_to_bytes_and_strip_once()
    {
        var vocabulary = new JsonObject { ["<unk>"] = 0, ["▁"] = 1, ["a"] = 2, ["▁a"] = 3 };
        for (int b = 0; b < 256; b++)
            vocabulary[$"<0x{b:X2}>"] = b + 4;
        _folder.With("tokenizer.json", new JsonObject
        {
            ["added_tokens"] = new JsonArray(TokenizerFolder.Added(0, "<unk>", special: true)),
            ["normalizer"] = JsonNode.Parse("""
                {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                 {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
                """),
            ["decoder"] = JsonNode.Parse("""
                {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
                 {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
                """),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["unk_token"] = "<unk>",
                ["fuse_unk"] = true,
                ["byte_fallback"] = true,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray(new JsonArray("▁", "a")),
            },
        }.ToJsonString());
        var tokenizer = _folder.Load();
        Assert.Equal([3, 1, 3, 4 + 0xC3, 4 + 0xA9], tokenizer.Encode("a  aé"));
        Assert.Equal([3], tokenizer.Encode("a"));
        Assert.Equal("a  aé", tokenizer.Decode(tokenizer.Encode("a  aé")));
        Assert.Equal(" a", tokenizer.Decode(tokenizer.Encode(" a")));
        Assert.Equal("\uFFFD\uFFFD", tokenizer.Decode([4 + 0xF0, 4 + 0x9F]));
        Assert.Empty(tokenizer.Encode(""));
    }

    [Fact]
    public void Opt_is_known_by_its_vocabulary_or_by_config_json()
    {
        var vocabulary = new JsonObject { ["<s>"] = 0, ["<pad>"] = 1, ["</s>"] = 2, ["a"] = 3, ["b"] = 4, ["ab"] = 5 };
        _folder.With("gpt2-vocab.json", vocabulary.ToJsonString()).With("gpt2-merges.txt", "#version: 0.2\na b\n");
        var tokenizer = _folder.Load();
        Assert.Equal([2, 5, 3], tokenizer.Encode("aba"));
        Assert.Equal([5, 2], tokenizer.Encode("ab</s>", addSpecialTokens: false));
        Assert.Equal((2, 2, 1, "</s>"), (tokenizer.BosId, tokenizer.EosId, tokenizer.PadId, tokenizer.EosText));
        _folder.With("config.json", """{"model_type": "gpt2", "eos_token_id": [2], "bos_token_id": null}""");
        Assert.Equal([5, 2], _folder.Load().Encode("ab</s>"));
        Assert.Equal(2, _folder.Load().EosId);
    }

    [Fact]
    public void An_id_beyond_the_vocabulary_is_written_as_nothing_and_a_negative_one_is_an_error()
    {
        var tokenizer = _folder.WithJson([]).Load();
        Assert.Equal("ab", tokenizer.Decode(['a', 50000, 'b']));
        Assert.Throws<TokenizerException>(() => tokenizer.Decode([-100]));
    }

    [Fact]
    public void A_character_that_cannot_be_expressed_is_an_error()
    {
        _folder.With("vocab.json", """{"a": 0}""").With("merges.txt", "");
        var error = Assert.Throws<TokenizerException>(() => _folder.Load().Encode("ab"));
        Assert.Contains("U+0062", error.Message, StringComparison.Ordinal);
    }
}
