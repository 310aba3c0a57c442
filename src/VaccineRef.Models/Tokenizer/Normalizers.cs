namespace VaccineRef.Models.Tokenizer;

/// <summary>The normalisers of tokenizer.json: functions from text to text that run before the model sees it.</summary>
internal static class Normalizers
{
    public static Func<string, string> Read(Setting setting)
    {
        if (!setting.Given)
            return static text => text;
        switch (setting["type"].Text())
        {
            case "NFC":
                setting.AllowOnly("type");
                return CanonicalComposition.Nfc;
            case "Prepend":
                setting.AllowOnly("type", "prepend");
                string prefix = setting["prepend"].Text();
                return text => text.Length == 0 ? text : prefix + text;
            case "Replace":
                return Replace(setting);
            case "Sequence":
                setting.AllowOnly("type", "normalizers");
                Func<string, string>[] steps = [.. setting["normalizers"].Items().Select(Read)];
                return text => steps.Aggregate(text, (current, step) => step(current));
            default:
                throw setting["type"].Unsupported("NFC, Prepend, Replace, Sequence");
        }
    }

    /// <summary>Replaces a string (not a pattern) wherever it stands; decoders have the same step.</summary>
    public static Func<string, string> Replace(Setting setting)
    {
        setting.AllowOnly("type", "pattern", "content");
        setting["pattern"].AllowOnly("String");
        string old = setting["pattern"]["String"].Text(), with = setting["content"].Text();
        return old.Length > 0
            ? text => text.Replace(old, with, StringComparison.Ordinal)
            : throw setting["pattern"].Unexpected("a text that is not empty");
    }
}
