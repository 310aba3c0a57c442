using VaccineRef.Models.Tokenizer;

namespace VaccineRef.Models;

/// <summary>The tokens that a chat template may write; null where a model has none.</summary>
/// <param name="Bos">Begins a text.</param>
/// <param name="Eos">Ends a text.</param>
/// <param name="Pad">Fills up a row.</param>
/// <param name="Unk">Stands for what is not known.</param>
public sealed record ChatTokens(string? Bos, string? Eos, string? Pad = null, string? Unk = null)
{
    /// <summary>The tokens that the tokenizer of a folder has.</summary>
    /// <exception cref="TokenizerException">There is no tokenizer, or one of its files is broken.</exception>
    public static ChatTokens Of(string folder)
    {
        var settings = new TokenizerSettings(folder);
        string? bos = settings.Text("bos"), eos = settings.Text("eos");
        if (bos is null || eos is null)
        {
            var tokenizer = TextTokenizer.Load(folder);
            bos ??= tokenizer.BosId is { } id ? tokenizer.Decode([id], skipSpecialTokens: false) : null;
            eos ??= tokenizer.EosText;
        }

        return new(bos, eos, settings.Text("pad"), settings.Text("unk"));
    }

    internal IEnumerable<KeyValuePair<string, object?>> Variables() =>
        from token in ((string Name, string? Text)[])[("bos_token", Bos), ("eos_token", Eos), ("pad_token", Pad),
            ("unk_token", Unk)]
        where token.Text is not null
        select KeyValuePair.Create(token.Name, (object?)token.Text);
}
