namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>
/// How SentencePiece texts are cut at the tokens that the small files name, and put together again: LlamaTokenizer's
/// rule with "legacy" false and with "legacy" true.
/// </summary>
public sealed class SentencePiecePartsTests : IDisposable
{
    private const int Inst = 3, End = 4, Tool = 12;

    private static readonly (string, float, int)[] Pieces =
    [
        ("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("[INST]", 0, 3), ("[/INST]", 0, 3),
        ("▁hi", -1, 1), ("hi", -2, 1), ("▁", -3, 1), ("h", -4, 1), ("i", -5, 1), ("▁▁", -2.5f, 1), ("x", -6, 1),
    ];

    private readonly TokenizerFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("[INST] hi[/INST]", "false", new[] { Inst, 5, End })]
    [InlineData("[INST]hi[/INST] hi", "false", new[] { Inst, 6, End, 5 })]
    [InlineData("hi[INST]hi", "false", new[] { 5, Inst, 6 })]
    [InlineData(" hi", "false", new[] { 7, 5 })]
    [InlineData("<tool>hi", "false", new[] { 7, Tool, 6 })]          // a token that is not special keeps the space before it
    [InlineData("[INST] hi[/INST]", "true", new[] { Inst, 7, 5, End })]
    [InlineData("[INST]hi[/INST] hi", "null", new[] { Inst, 5, End, 7, 5 })]
    [InlineData("<tool>hi", "true", new[] { Tool, 5 })]
    public void Listed_control_pieces_are_tokens_and_legacy_says_where_spaces_are_added(
        string text, string legacy, int[] ids)
    {
        Assert.Equal(ids, Listed(legacy).Encode(text, addSpecialTokens: false));
        Assert.Equal([1, .. ids], Listed(legacy).Encode(text));
    }

    [Fact]
    public void Without_a_prefix_space_there_is_none_in_front()
    {
        Listed("false, \"add_prefix_space\": false");
        Assert.Equal([6, 5], _folder.Load().Encode("hi hi", addSpecialTokens: false));
        Assert.Equal(" hi", _folder.Load().Decode([5]));
    }

    [Property(MaxTest = 300)]
    public Property Parts_are_encoded_alone_and_come_back()
    {
        var parts = Gen.Elements("hi", " hi", " ", "  ", "h", "x", "▁", "[INST]", "[/INST]", "<tool>").ListOf();
        var tokenizer = Listed("false");
        using var plain = new TokenizerFolder().WithModel(Pieces, bytes: false, dummyPrefix: false);
        var model = plain.Load();
        return Prop.ForAll(parts.ToArbitrary(), drawn =>
        {
            // The definition: a space in front of all, each part by itself, and the space gone again where it stands
            // alone before a special token.
            string text = string.Concat(drawn).Replace('▁', ' ');
            var ids = new List<int>();
            var part = text.Length > 0 ? "▁" : "";
            for (int at = 0; at <= text.Length; at++)
            {
                var (token, id) = At(text, at);
                if (token.Length == 0 && at < text.Length)
                {
                    part += text[at];
                    continue;
                }
                if (!(part == "▁" && ids.Count == 0 && id is Inst or End))
                    ids.AddRange(model.Encode(part, addSpecialTokens: false));
                if (id >= 0)
                    ids.Add(id);
                part = "";
                at += Math.Max(token.Length - 1, 0);
            }
            Assert.Equal(ids, tokenizer.Encode(string.Concat(drawn), addSpecialTokens: false));
            Assert.Equal(text, tokenizer.Decode([.. ids], skipSpecialTokens: false));
        });
    }

    [Theory]
    [InlineData(new[] { 5, Inst, 5 }, "hi hi", "hi[INST] hi")]
    [InlineData(new[] { 5, Tool, 5, 2 }, "hi<tool> hi", "hi<tool> hi</s>")]
    [InlineData(new[] { 1, 5, End, 6 }, "hihi", "<s> hi[/INST]hi")]
    public void Decoding_around_a_token_keeps_the_space(int[] ids, string skipped, string shown)
    {
        foreach (string legacy in new[] { "true", "false" })
        {
            Assert.Equal(skipped, Listed(legacy).Decode(ids));
            Assert.Equal(shown, Listed(legacy).Decode(ids, skipSpecialTokens: false));
        }
    }

    [Fact]
    public void A_role_alone_leaves_the_piece_a_text_and_a_list_makes_it_a_token()
    {
        _folder.WithModel(Pieces, bytes: true).With(
            "tokenizer_config.json", """{"eos_token": "</s>", "unk_token": "<unk>"}""");
        Assert.DoesNotContain(2, _folder.Load().Encode("hi</s>"));
        _folder.With(
            "special_tokens_map.json", """{"additional_special_tokens": ["[INST]", {"content": "[/INST]"}]}""");
        Assert.Equal([Inst, End], _folder.Load().Encode("[INST][/INST]", addSpecialTokens: false));
        _folder.With("added_tokens.json", """{"</s>": 2}""");
        Assert.Equal([5, 2], _folder.Load().Encode("hi</s>", addSpecialTokens: false));
        Assert.Equal("hi", _folder.Load().Decode([5, 2]));
    }

    [Fact]
    public void A_name_that_the_files_give_a_piece_takes_its_place()
    {
        _folder.WithModel(Pieces, bytes: true).With("tokenizer_config.json", """
            {"added_tokens_decoder": {"3": {"content": "<|im_end|>", "special": true}}, "eos_token": "<|im_end|>"}
            """);
        var tokenizer = _folder.Load();
        Assert.Equal((Inst, "<|im_end|>"), (tokenizer.EosId, tokenizer.EosText));
        Assert.Equal([5, Inst], tokenizer.Encode("hi<|im_end|>", addSpecialTokens: false));
        Assert.Equal("hi<|im_end|>", tokenizer.Decode([5, Inst], skipSpecialTokens: false));
    }

    private static (string Token, int Id) At(string text, int at) =>
        new[] { ("[INST]", Inst), ("[/INST]", End), ("<tool>", Tool) }
            .FirstOrDefault(token => text.AsSpan(at).StartsWith(token.Item1), ("", -1));

    private ITextTokenizer Listed(string legacy) => _folder.WithModel(Pieces, bytes: false)
        .With("tokenizer_config.json", $$"""
            {"tokenizer_class": "LlamaTokenizer", "legacy": {{legacy}}, "added_tokens_decoder": {
              "3": {"content": "[INST]", "special": true}, "4": {"content": "[/INST]", "special": true},
              "12": {"content": "<tool>", "special": false} } }
            """).Load();
}
