using System.Text.Json;
using System.Text.Json.Nodes;

namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>
/// An id says which token it is, and not how many there are: one large id in a small file takes no memory.
/// </summary>
public sealed class LargeIdTests
{
    private const int Largest = (1 << 24) - 1;

    // The tables of a small tokenizer; a table with a place for each id would have 64 MiB at least.
    private const long Most = 8 << 20;

    private static readonly string[] Merges = ["h e", "l l"];

    [Theory]
    [InlineData("piece")]
    [InlineData("added")]
    [InlineData("vocab.json")]
    [InlineData("added_tokens.json")]
    public void Memory_follows_the_file(string place)
    {
        using var folder = new TokenizerFolder();
        var pieces = TokenizerFolder.ByteLevelVocabulary(Merges);
        if (place is "piece" or "added")
            folder.WithJson(Merges, json =>
            {
                if (place == "piece")
                    json["model"]!["vocab"]!["far"] = Largest;
                else
                    json["added_tokens"]!.AsArray().Add(TokenizerFolder.Added(Largest, "far", special: false));
            });
        else
        {
            if (place == "vocab.json")
                pieces.Add("far", Largest);
            else
                folder.With(place, new JsonObject { ["far"] = Largest }.ToJsonString());
            folder.With("vocab.json", JsonSerializer.Serialize(pieces)).With(
                "merges.txt", "#version: 0.2\n" + string.Join('\n', Merges) + "\n")
                .With("tokenizer_config.json", """{ "tokenizer_class": "GPT2Tokenizer" }""");
        }

        folder.Load();
        long before = GC.GetAllocatedBytesForCurrentThread();
        var tokenizer = folder.Load();
        Assert.Equal("hello far", tokenizer.Decode(tokenizer.Encode("hello far")));
        Assert.Equal("far", tokenizer.Decode([Largest]));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Most);
        Assert.Equal(Largest + 1, tokenizer.VocabularySize);
    }
}
