using System.Text.Json;

namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>The real tokenizers give the ids of SentencePiece and of Hugging Face, text for text.</summary>
public sealed class TokenizerGoldenTests
{
    [Theory]
    [InlineData("llama2", "tokenizers/llama2", 32000, 1, 2)]
    [InlineData("stories260K", "models/stories260K", 512, 1, 2)]
    [InlineData("gpt2", "tokenizers/gpt2", 50257, 50256, 50256)]
    [InlineData("opt", "tokenizers/opt", 50265, 2, 2)]
    [InlineData("neox", "tokenizers/neox", 50277, 0, 0)]
    public void A_folder_gives_the_golden_ids_and_texts(string golden, string folder, int size, int bos, int eos)
    {
        var tokenizer = TextTokenizer.Load(Shared(folder));
        Assert.Equal((size, bos, eos), (tokenizer.VocabularySize, tokenizer.BosId, tokenizer.EosId));
        Agrees(tokenizer, golden);
    }

    [Theory]
    [InlineData("gpt2", "tokenizers/gpt2", "vocab.json", "merges.txt")]
    [InlineData("opt", "tokenizers/opt", "gpt2-vocab.json", "gpt2-merges.txt")]
    public void Vocabulary_and_merges_alone_give_the_golden_ids(string golden, string from, string vocab, string merges)
    {
        using var folder = new TokenizerFolder();
        foreach (string name in new[] { vocab, merges })
            folder.With(name, File.ReadAllBytes(Path.Combine(Shared(from), name)));
        Agrees(folder.Load(), golden);
    }

    /// <summary>
    /// Llama 2's tokenizer.json alone, as many folders have it. Our copy of that file lost its no-break spaces, and
    /// Hugging Face's tokenizers do read a "&lt;s&gt;" in a text as the token: texts with either are left out.
    /// </summary>
    [Fact]
    public void Llama_2_from_tokenizer_json_gives_the_ids_of_SentencePiece()
    {
        using var folder = new TokenizerFolder();
        folder.With("tokenizer.json", File.ReadAllBytes(Path.Combine(Shared("tokenizers/llama2"), "tokenizer.json")));
        string[] apart = ["\u00A0", "<s>", "</s>"];
        Agrees(folder.Load(), "llama2", text => !apart.Any(part => text.Contains(part, StringComparison.Ordinal)));
    }

    private static void Agrees(ITextTokenizer tokenizer, string golden, Func<string, bool>? takes = null)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Shared($"tokenizers/golden/{golden}.json")));
        int compared = 0;
        foreach (var test in json.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = test.GetProperty("text").GetString()!;
            if (takes is not null && !takes(text))
                continue;
            int[] ids = Ids(test.GetProperty("ids"));
            Assert.Equal(ids, tokenizer.Encode(text, addSpecialTokens: false));
            Assert.Equal(
                test.TryGetProperty("ids_special", out var special) ? Ids(special) : [tokenizer.BosId!.Value, .. ids],
                tokenizer.Encode(text));
            Assert.Equal(
                test.TryGetProperty("decoded", out var decoded) ? decoded.GetString() : text,
                tokenizer.Decode(ids, skipSpecialTokens: false));
            compared++;
        }
        Assert.True(compared > 200, $"only {compared} texts were compared");
    }

    private static int[] Ids(JsonElement ids) => [.. ids.EnumerateArray().Select(id => id.GetInt32())];

    private static string Shared(string path)
    {
        string? root = Environment.GetEnvironmentVariable("VACCINEREF_SHARED");
        Assert.SkipUnless(root is not null, "VACCINEREF_SHARED is not set: the real tokenizers are not here");
        return Path.Combine(root!, path);
    }
}
