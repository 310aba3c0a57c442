using VaccineRef.Models.Chat;

namespace VaccineRef.Models;

/// <summary>
/// The files of a model folder that are neither configuration nor weights, and belong to every copy of it.
/// </summary>
public static class TokenizerFiles
{
    private static readonly string[] Patterns =
    [
        "tokenizer.model", "*tokenizer.json", "*vocab.json", "*merges.txt", "tokenizer_config.json",
        "special_tokens_map.json", "added_tokens.json", "chat_template.jinja", "chat_template.json",
        "generation_config.json",
    ];

    /// <summary>Copies them, as far as they are there.</summary>
    public static void Copy(string from, string to)
    {
        foreach (string file in Patterns.SelectMany(pattern => Directory.GetFiles(from, pattern)).Distinct())
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        if (!Directory.Exists(Path.Combine(from, ChatTemplateFiles.More)))
            return;
        Directory.CreateDirectory(Path.Combine(to, ChatTemplateFiles.More));
        foreach (string file in Directory.GetFiles(Path.Combine(from, ChatTemplateFiles.More), "*.jinja"))
            File.Copy(file, Path.Combine(to, ChatTemplateFiles.More, Path.GetFileName(file)));
    }
}
