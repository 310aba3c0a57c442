using VaccineRef.Models.Tokenizer;

namespace VaccineRef.Models;

/// <summary>Finds and loads the tokenizer of a model folder.</summary>
public static class TextTokenizer
{
    /// <summary>
    /// Loads, whichever is there first: <c>tokenizer.model</c> (SentencePiece BPE), <c>tokenizer.json</c> or the one
    /// file whose name ends so (Hugging Face tokenizers, BPE), <c>vocab.json</c> with <c>merges.txt</c> (GPT-2) or
    /// those names after <c>gpt2-</c> (OPT). Special tokens come from tokenizer_config.json, special_tokens_map.json
    /// and config.json where these are.
    /// </summary>
    /// <exception cref="TokenizerException">No tokenizer is there, a file is broken, or it holds a setting that is not
    /// supported.</exception>
    public static ITextTokenizer Load(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (!Directory.Exists(folder))
            throw new TokenizerException("the tokenizer's folder does not exist", folder);
        string At(string name) => Path.Combine(folder, name);

        var settings = new TokenizerSettings(folder);
        if (File.Exists(At("tokenizer.model")))
            return SentencePieceTokenizer.Load(At("tokenizer.model"), settings);
        if (File.Exists(At("tokenizer.json")))
            return TokenizerJson.Load(At("tokenizer.json"), settings);
        if (Directory.GetFiles(folder, "*tokenizer.json") is [var only])
            return TokenizerJson.Load(only, settings);
        foreach (string prefix in new[] { "", "gpt2-" })
        {
            if (File.Exists(At(prefix + "vocab.json")))
                return TokenizerJson.Load(At(prefix + "vocab.json"), At(prefix + "merges.txt"), settings);
        }
        throw new TokenizerException(
            "the folder has no tokenizer", folder,
            expected: "tokenizer.model, tokenizer.json, or vocab.json with merges.txt (or both after gpt2-)");
    }
}
