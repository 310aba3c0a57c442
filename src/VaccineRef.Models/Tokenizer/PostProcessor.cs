namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// tokenizer.json's post-processors, as far as ids go: which special tokens stand before and behind a single text.
/// </summary>
internal static class PostProcessor
{
    public static (int[] Prefix, int[] Suffix) Read(Setting setting)
    {
        if (!setting.Given)
            return ([], []);
        switch (setting["type"].Text())
        {
            case "ByteLevel":       // moves offsets, not ids
                setting.AllowOnly("type", "add_prefix_space", "trim_offsets", "use_regex");
                return ([], []);
            case "TemplateProcessing":
                return Template(setting);
            case "Sequence":
                setting.AllowOnly("type", "processors");
                return setting["processors"].Items().Select(Read).Aggregate(
                    (Prefix: Array.Empty<int>(), Suffix: Array.Empty<int>()),
                    (inner, outer) => ([.. outer.Prefix, .. inner.Prefix], [.. inner.Suffix, .. outer.Suffix]));
            default:
                throw setting["type"].Unsupported("ByteLevel, TemplateProcessing, or a Sequence of these");
        }
    }

    private static (int[] Prefix, int[] Suffix) Template(Setting setting)
    {
        setting.AllowOnly("type", "single", "pair", "special_tokens");
        var (prefix, suffix) = (new List<int>(), new List<int>());
        bool seen = false;
        foreach (var part in setting["single"].Items())
        {
            part.AllowOnly("SpecialToken", "Sequence");
            if (part["Sequence"] is { Given: true } sequence)
            {
                if (seen || sequence["id"].Text() != "A")
                    throw part.Unsupported("Sequence A, once");
                seen = true;
                continue;
            }
            var token = setting["special_tokens"][part["SpecialToken"]["id"].Text()];
            (seen ? suffix : prefix).AddRange(token["ids"].Items().Select(id => id.Id()));
        }
        return seen ? ([.. prefix], [.. suffix]) : throw setting["single"].Unsupported("a template with Sequence A");
    }
}
