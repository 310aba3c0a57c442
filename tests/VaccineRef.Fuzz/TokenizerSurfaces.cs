using VaccineRef.Models;
using VaccineRef.Models.Tests.Tokenizer;

namespace VaccineRef.Fuzz;

/// <summary>Everything that a tokenizer and a chat template are read from.</summary>
internal static class TokenizerSurfaces
{
    private const string Text = "Hello,  w\u00f6rld <|endoftext|> 12 345\n\n\t\ud83d\ude01 \u0301a<s>don't ";

    private const string Template =
        """
        {{ bos_token }}{% for message in messages %}{% if loop.first and message['role'] == 'system' %}{{ message.content | trim }}
        {%- elif message.role == 'user' %}[INST] {{ message['content'] }} [/INST]{% else %}{{ ' ' + message.content + eos_token }}{% endif %}
        {%- endfor %}{% if add_generation_prompt %}{% set n = messages | length %}{{ n }}: {% endif %}
        """;

    private static readonly string[] Merges = ["h e", "l l", "he ll", "\u0120 w", "o r", "d o"];

    public static IReadOnlyList<Surface> All { get; } =
    [
        new("tokenizer-json", Json, ["tokenizer.json"], Encode) { Seeds = 3 },
        new("tokenizer-model", SentencePiece, ["tokenizer.model"], Encode) { Seeds = 2 },
        new("vocab-merges", Vocabulary, ["vocab.json", "merges.txt", "*config.json", "*_map.json", "added_tokens.json"], Encode) { Seeds = 2 },
        new("chat-template", Chat, ["chat_template.jinja", "tokenizer_config.json"], Render) { Seeds = 2 },
    ];

    private static void Json(string folder, int seed) => Move(folder, made => made.WithJson(Merges, json =>
    {
        if (seed == 1)
            json["pre_tokenizer"] = System.Text.Json.Nodes.JsonNode.Parse($$"""
                {"type": "Sequence", "pretokenizers": [
                  {"type": "Split", "pattern": {"Regex": {{System.Text.Json.JsonSerializer.Serialize(TokenizerFolder.Llama3Pattern)}}}, "behavior": "Isolated", "invert": false},
                  {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}]}
                """);
        if (seed == 2)
            json["post_processor"] = System.Text.Json.Nodes.JsonNode.Parse("""
                {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|endoftext|>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
                 "pair": [], "special_tokens": {"<|endoftext|>": {"id": "<|endoftext|>", "ids": [262], "tokens": ["<|endoftext|>"]}}}
                """);
    }));

    private static void SentencePiece(string folder, int seed) => Move(folder, made => made.WithModel(
        [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("\u2581", -1, 1), ("he", -2, 1), ("\u2581he", -3, 1),
            ("lo", -4, 1), ("llo", -5, 4)],
        bytes: seed == 0));

    private static void Vocabulary(string folder, int seed)
    {
        Move(folder, made =>
        {
            var pieces = TokenizerFolder.ByteLevelVocabulary(Merges);
            pieces.Add("<|endoftext|>", pieces.Count);
            made.With("vocab.json", System.Text.Json.JsonSerializer.Serialize(pieces));
            made.With("merges.txt", "#version: 0.2\n" + string.Join('\n', Merges) + "\n");
            made.With("tokenizer_config.json", $$"""
                {"tokenizer_class": "{{(seed == 0 ? "GPT2Tokenizer" : "Qwen2Tokenizer")}}", "eos_token": "<|endoftext|>", "add_prefix_space": false,
                 "added_tokens_decoder": {"263": {"content": "<tool>", "lstrip": false, "normalized": false, "rstrip": true, "single_word": false, "special": false} } }
                """);
            made.With(
                "special_tokens_map.json",
                """{"eos_token": {"content": "<|endoftext|>", "lstrip": false}, "additional_special_tokens": ["<|im_end|>"]}""");
            made.With("added_tokens.json", """{"<|im_end|>": 264}""");
        });
    }

    private static void Chat(string folder, int seed)
    {
        Json(folder, 0);
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), seed == 0
            ? """{"bos_token": "<s>", "eos_token": {"content": "</s>"}}"""
            : $$"""{"bos_token": "<s>", "eos_token": "</s>", "chat_template": {{System.Text.Json.JsonSerializer.Serialize(Template)}} }""");
        if (seed == 0)
            File.WriteAllText(Path.Combine(folder, "chat_template.jinja"), Template);
    }

    private static void Move(string folder, Action<TokenizerFolder> write)
    {
        using var made = new TokenizerFolder();
        write(made);
        foreach (string file in Directory.GetFiles(made.Path))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }

    private static void Encode(string folder)
    {
        var tokenizer = TextTokenizer.Load(folder);
        tokenizer.Decode(tokenizer.Encode(Text), skipSpecialTokens: false);
    }

    private static void Render(string folder)
    {
        var template = ChatTemplate.Load(folder);
        template.RenderMarked(
            [new("system", "s"), new("user", "Where is the kite?"), new("assistant", "There."),
                new("user", "And <s>?")], addGenerationPrompt: true);
    }
}
