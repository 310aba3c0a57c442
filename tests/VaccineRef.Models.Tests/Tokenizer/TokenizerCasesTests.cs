namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>Small folders that went wrong once have their right outcome.</summary>
public sealed class TokenizerCasesTests
{
    [Theory]
    [InlineData("mistral-v03-control/model", "[INST] hello[/INST]", new[] { 1, 3, 273, 4 })]
    [InlineData("mistral-v03-control/model", "[INST]user[/INST]", new[] { 1, 3, 268, 4 })]
    [InlineData("mistral-v03-control/model", "<s>[INST] hello there[/INST]", new[] { 1, 1, 3, 273, 297, 4 })]
    [InlineData("fast-added-elsewhere/added_tokens.json", "a<tool>b", new[] { 97, 260, 98 })]
    [InlineData("fast-added-elsewhere/decoder-has-more", "a<tool>b", new[] { 97, 260, 98 })]
    [InlineData("empty-special-names/model", "hello there", new[] { 270, 294 })]
    public void A_text_has_these_ids(string folder, string text, int[] ids)
    {
        Assert.Equal(ids, TextTokenizer.Load(SharedCases.Folder($"tokenizers/{folder}")).Encode(text));
    }

    [Theory]
    [InlineData("fast-added-elsewhere/pad-not-in-json", "positive")]
    [InlineData("tiktoken-model/beside-json", "hello positive")]
    public void A_text_comes_back(string folder, string text)
    {
        var tokenizer = TextTokenizer.Load(SharedCases.Folder($"tokenizers/{folder}"));
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    [Theory]
    [InlineData("tiktoken-model/alone", "tiktoken")]
    [InlineData("tiktoken-model/lfs-pointer", "Git LFS pointer")]
    public void A_file_that_is_something_else_is_named(string folder, string named)
    {
        string path = SharedCases.Folder($"tokenizers/{folder}");
        Assert.Contains(named, Assert.Throws<TokenizerException>(() => TextTokenizer.Load(path)).Message);
    }
}
