using VaccineRef.Models.Tokenizer;

namespace VaccineRef.Models;

/// <summary>Finds and loads the tokenizer of a model folder.</summary>
public static class TextTokenizer
{
    /// <summary>
    /// Loads, whichever is there first: <c>tokenizer.model</c> (SentencePiece BPE), <c>tokenizer.json</c> or the one
    /// file whose name ends so (Hugging Face tokenizers, BPE), <c>vocab.json</c> with <c>merges.txt</c> (GPT-2, Qwen2)
    /// or those names after <c>gpt2-</c> (OPT). A <c>tokenizer.model</c> that is a tiktoken file, or that the class in
    /// tokenizer_config.json does not read, leaves it to <c>tokenizer.json</c>. Special and further tokens come from
    /// tokenizer_config.json, special_tokens_map.json, added_tokens.json, config.json and generation_config.json where
    /// these are.
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
        string model = At("tokenizer.model"), json = At("tokenizer.json");
        if (File.Exists(model))
        {
            byte[] bytes = TokenizerFile.Read(model);
            bool tiktoken = TiktokenFile.Is(bytes);
            if (!tiktoken && (!File.Exists(json) || TokenizerClasses.TakesSentencePiece(settings.Class)))
                return SentencePieceTokenizer.Load(model, bytes, settings);
            if (!File.Exists(json))
                throw TiktokenFile.Refuse(model);
        }
        if (File.Exists(json))
            return TokenizerJson.Load(json, settings);
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
