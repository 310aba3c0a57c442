namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// Builds the pipeline that a tokenizer.json (Hugging Face tokenizers) or a vocab.json with merges.txt (GPT-2)
/// describes.
/// </summary>
internal static class TokenizerJson
{
    public static ITextTokenizer Load(string path, TokenizerSettings settings)
    {
        TokenizerClasses.RequireJson(settings);
        var root = TokenizerFile.ReadJson(path);
        // Truncation and padding are the caller's: transformers, too, sets them anew at every call.
        root.AllowOnly("version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
            "post_processor", "decoder", "model");
        var vocabulary = Vocabulary.Read(root["model"]["vocab"]);
        AddedToken[] own = root["added_tokens"] is { Given: true } list
            ? [.. list.Items().Select(token => AddedToken.Read(token["id"].Id(), token))]
            : [];
        var added = settings.Complete(vocabulary, own);

        var (splitters, byteLevel) = WordSplitters.Read(root["pre_tokenizer"]);
        var around = PostProcessor.Read(root["post_processor"]);
        AddedToken[] specials = [.. added.Where(token => token.Special)];
        var special = settings.Resolve(
            vocabulary.Tokens, vocabulary.IdOf, role => Usual(role, specials, around.Prefix));
        return new TokenizerPipeline(
            added, Normalizers.Read(root["normalizer"]), special, settings.Around(around, special))
        {
            VocabularySize = vocabulary.Size,
            Splitters = splitters,
            Model = Model(root["model"], vocabulary, byteLevel),
            Source = new MergeSource(
                vocabulary.Tokens, added, Pattern(root), root["model"]["ignore_merges"].Flag(false),
                root["normalizer"].Given,
                () => Merges.Read(TokenizerFile.ReadJson(path)["model"]["merges"], vocabulary)),
            Decoder = new StepDecoder(
                vocabulary.Tokens, specials.Select(token => token.Id), TokenSteps.Read(root["decoder"])),
        };
    }

    /// <summary>
    /// The two files of GPT-2, OPT and Qwen2. OPT's vocabulary begins &lt;s&gt;, &lt;pad&gt;, &lt;/s&gt; and its texts
    /// with &lt;/s&gt;; Qwen2 has a pattern of its own and composes characters first.
    /// </summary>
    public static ITextTokenizer Load(string vocabPath, string mergesPath, TokenizerSettings settings)
    {
        bool qwen2 = TokenizerClasses.IsQwen2(settings);
        var vocabulary = Vocabulary.Read(TokenizerFile.ReadJson(vocabPath));
        var listed = settings.Complete(vocabulary, []);
        bool opt = settings.ModelType is { } type
            ? type == "opt"
            : (vocabulary.IdOf("<pad>"), vocabulary.IdOf("</s>")) is (1, 2);
        var special = settings.Resolve(vocabulary.Tokens, vocabulary.IdOf, role => role switch
        {
            "pad" => opt ? vocabulary.IdOf("<pad>") : null,
            "bos" when qwen2 => null,
            _ => vocabulary.IdOf(opt ? "</s>" : "<|endoftext|>"),
        });

        var roles = new[] { special.Bos, special.Eos, special.Pad }.OfType<int>().Distinct();
        AddedToken[] added =
        [
            .. listed.Select(token => token with { Normalized = false }),
            .. roles.Where(id => listed.All(token => token.Id != id))
                .Select(id => new AddedToken(id, vocabulary.Tokens[id], Special: true)),
        ];
        int[] prefix = opt && special.Bos is { } bos ? [bos] : [];
        var spelled = new Dictionary<int, string>(vocabulary.Tokens);       // an added token is no string of bytes yet
        foreach (var token in added)
            spelled[token.Id] = ByteAlphabet.FromText(token.Content);
        return new TokenizerPipeline(
            added, qwen2 ? CanonicalComposition.Nfc : text => text, special, settings.Around((prefix, []), special))
        {
            VocabularySize = vocabulary.Size,
            Splitters = [qwen2 ? WordSplitters.Qwen2 : WordSplitters.ByteLevel(settings.AddPrefixSpace ?? false)],
            Model = new BytePairModel(
                vocabulary.Ids, Merges.Read(mergesPath, vocabulary), new BytePairModel.Options(ByteLevel: true),
                vocabPath),
            Source = new MergeSource(
                vocabulary.Tokens, added,
                qwen2 ? WordScanner.Qwen2 : settings.AddPrefixSpace ?? false ? null : WordScanner.Gpt2,
                IgnoresMerges: false, qwen2, () => Merges.Read(mergesPath, vocabulary)),
            Decoder = new StepDecoder(
                spelled, added.Where(token => token.Special).Select(token => token.Id),
                tokens => [ByteAlphabet.ToText(tokens)]),
        };
    }

    private static BytePairModel Model(Setting model, Vocabulary vocabulary, bool byteLevel)
    {
        model.AllowOnly("type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
            "byte_fallback", "ignore_merges", "vocab", "merges");
        if ((model["type"].TextOrNull() ?? "BPE") != "BPE")
            throw model["type"].Unsupported("BPE");
        if (model["dropout"] is { Given: true } dropout && dropout.Value.GetRawText() is not ("0" or "0.0"))
            throw dropout.Unsupported("null: encoding is deterministic");
        foreach (string key in new[] { "continuing_subword_prefix", "end_of_word_suffix" })
        {
            if (!string.IsNullOrEmpty(model[key].TextOrNull()))
                throw model[key].Unsupported("null or \"\"");
        }
        var options = new BytePairModel.Options(
            byteLevel, model["ignore_merges"].Flag(false), model["byte_fallback"].Flag(false),
            model["unk_token"].TextOrNull(), model["fuse_unk"].Flag(false));
        return new BytePairModel(
            vocabulary.Ids, Merges.Read(model["merges"], vocabulary), options, $"{model.File}: {model.Path}");
    }

    // The pattern that cuts texts, where nothing else but the composition of characters is done to them.
    private static WordScanner? Pattern(Setting root) =>
        root["normalizer"] is not { Given: true } normalizer || normalizer["type"].Text() == "NFC"
            ? WordSplitters.Pattern(root["pre_tokenizer"])
            : null;

    /// <summary>The special token that has a role by its name, when no file says which has it.</summary>
    private static int? Usual(string role, AddedToken[] specials, int[] prefix)
    {
        string[] names = role switch
        {
            "bos" => ["<|begin_of_text|>", "<s>", "<|endoftext|>"],
            "eos" => ["<|end_of_text|>", "<|endoftext|>", "</s>"],
            _ => ["<pad>", "<|padding|>", "[PAD]"],
        };
        if (role == "bos" && prefix is [var first, ..])
            return first;
        return names.SelectMany(name => specials.Where(token => token.Content == name)).FirstOrDefault()?.Id;
    }
}
