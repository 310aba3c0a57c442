namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// Which classes of transformers split texts by a rule that is known here. A file tokenizer.json says everything
/// itself; the older files leave the rule to the class.
/// </summary>
internal static class TokenizerClasses
{
    private static readonly string[] SentencePiece = ["LlamaTokenizer", "LLaMATokenizer", "CodeLlamaTokenizer"];

    private static readonly string[] BytePair = ["GPT2Tokenizer", "Qwen2Tokenizer"];

    // These take their rule from tokenizer.json and do nothing else to a text.
    private static readonly string[] FromJson =
    [
        "PreTrainedTokenizer", "TokenizersBackend", "GPTNeoXTokenizer", "CodeGenTokenizer", "BloomTokenizer",
        "GemmaTokenizer", "CohereTokenizer",
    ];

    /// <summary>Whether the files beside a tokenizer.model leave it the tokenizer.</summary>
    public static bool TakesSentencePiece(string? name) => name is null || SentencePiece.Contains(Slow(name));

    /// <summary>Refuses a class whose rule is not known.</summary>
    /// <exception cref="TokenizerException">The class is unknown; the message lists those that are known.</exception>
    public static void RequireSentencePiece(TokenizerSettings settings)
    {
        if (!TakesSentencePiece(settings.Class))
            throw Unknown(settings, SentencePiece, "a tokenizer.model");
    }

    /// <inheritdoc cref="RequireSentencePiece"/>
    public static void RequireJson(TokenizerSettings settings)
    {
        string[] known = [.. SentencePiece, .. BytePair, .. FromJson];
        if (settings.Class is { } name && !known.Contains(Slow(name)))
            throw Unknown(settings, known, "a tokenizer.json");
    }

    /// <summary>
    /// Whether vocab.json and merges.txt are split by Qwen2's rule; else it is GPT-2's. Where no class is named, the
    /// model's type in config.json says it, and where there is no such file either, the rule is GPT-2's.
    /// </summary>
    /// <exception cref="TokenizerException">Neither rule is that of the class.</exception>
    public static bool IsQwen2(TokenizerSettings settings)
    {
        if (settings.Class is { } name)
            return BytePair.Contains(Slow(name))
                ? Slow(name) == "Qwen2Tokenizer"
                : throw Unknown(settings, BytePair, "vocab.json with merges.txt");
        return settings.ModelType switch
        {
            "qwen2" => true,
            null or "gpt2" or "opt" => false,
            var type => throw new TokenizerException(
                "nothing says how vocab.json with merges.txt splits a text", settings.Folder,
                $"model_type \"{type}\" and no tokenizer_class",
                $"tokenizer_class in tokenizer_config.json, one of {string.Join(", ", BytePair)}", Remedy),
        };
    }

    private const string Remedy = "take tokenizer.json and tokenizer_config.json from where the model came from";

    // Classes for tokenizer.json are named after those for the older files.
    private static string Slow(string name) =>
        name.EndsWith("Fast", StringComparison.Ordinal) ? name[..^"Fast".Length] : name;

    private static TokenizerException Unknown(TokenizerSettings settings, string[] known, string file) => new(
        $"the tokenizer's class is not known to read {file}",
        $"{settings.Folder}, tokenizer_config.json: $.tokenizer_class",
        settings.Class, $"one of {string.Join(", ", known)}, each with or without \"Fast\" behind it", Remedy);
}
