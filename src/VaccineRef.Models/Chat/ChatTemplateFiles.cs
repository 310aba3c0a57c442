using System.Text;
using System.Text.Json;
using VaccineRef.Models.Tokenizer;

namespace VaccineRef.Models.Chat;

/// <summary>
/// Finds the templates of a model's folder, where transformers looks for them: chat_template.jinja and
/// additional_chat_templates/NAME.jinja first, then "chat_template" in tokenizer_config.json (a text, or a list of
/// named ones), then in chat_template.json.
/// </summary>
internal static class ChatTemplateFiles
{
    /// <summary>The folder of further templates.</summary>
    public const string More = "additional_chat_templates";

    private const string Default = "default", Key = "chat_template", Config = "tokenizer_config.json";

    /// <summary>A template and the file that it is from; the default one where no name is given.</summary>
    /// <exception cref="ChatTemplateException">The folder has no such template.</exception>
    public static (string Where, string Text) Find(string folder, string? name)
    {
        var found = All(folder);
        string wanted = name ?? (found.Count == 1 ? found.Keys.Single() : Default);
        return found.TryGetValue(wanted, out var template) ? template : throw new ChatTemplateException(
            name is null ? "the model has no chat template" : "the model has no chat template of this name", folder,
            found.Count == 0 ? null : $"templates named {string.Join(", ", found.Keys)}",
            $"chat_template.jinja, or {Key} in {Config}",
            $"name a built-in one: {string.Join(", ", ChatTemplate.BuiltIn)}{(found.Count > 0 ? $"; or {ChatTemplate.OfModel}:NAME" : "")}");
    }

    /// <summary>The text of the default template; null where the folder has none.</summary>
    public static string? Usual(string folder)
    {
        var found = All(folder);
        return found.Count == 1 ? found.Values.Single().Text : found.GetValueOrDefault(Default).Text;
    }

    /// <summary>The text of a built-in template.</summary>
    public static string BuiltIn(string id)
    {
        using var stream = typeof(ChatTemplate).Assembly.GetManifestResourceStream($"{id}.jinja")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static Dictionary<string, (string Where, string Text)> All(string folder)
    {
        var found = new Dictionary<string, (string, string)>();
        string file = Path.Combine(folder, "chat_template.jinja"), more = Path.Combine(folder, More);
        if (File.Exists(file))
            found[Default] = (file, Read(file));
        if (Directory.Exists(more))
            foreach (string each in Directory.GetFiles(more, "*.jinja").Order(StringComparer.Ordinal))
                found.TryAdd(Path.GetFileNameWithoutExtension(each), (each, Read(each)));
        foreach (string name in new[] { Config, "chat_template.json" })
            foreach (var (key, text) in TokenizerFile.ReadJsonIfThere(folder, name) is { } json ? Named(json[Key]) : [])
                found.TryAdd(key, (Path.Combine(folder, name), text));
        return found;
    }

    // a text; a list of {"name": ..., "template": ...}; or an object of named texts, as processors write it
    private static IEnumerable<(string Name, string Text)> Named(Setting template) => template.Value.ValueKind switch
    {
        JsonValueKind.Array => template.Items().Select(item => (item["name"].Text(), item["template"].Text())),
        JsonValueKind.Object => template.Members().Select(member => (member.Name, member.Value.Text())),
        _ => template.Given ? [(Default, template.Text())] : [],
    };

    private static string Read(string path)
    {
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(TokenizerFile.Read(path))
                .TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException error)
        {
            throw new ChatTemplateException("a chat template is not UTF-8", path, error.Message, inner: error);
        }
    }
}
