using System.Globalization;
using VaccineRef.Core;

namespace VaccineRef.Verification.Conform;

/// <summary>Which of a model's sites a port's module is, and what keys call it.</summary>
internal static class SiteNames
{
    /// <summary>
    /// "site3" for an attention output, the paper's e_l; "mlp3", "block3" and "embedding" for what is none.
    /// </summary>
    public static string Key(Site site) => site.Kind switch
    {
        SiteKind.AttentionOutput => $"site{site.Layer}",
        SiteKind.MlpOutput => $"mlp{site.Layer}",
        SiteKind.BlockOutput => $"block{site.Layer}",
        _ => "embedding",
    };

    /// <summary>The site of a module by its Hugging Face name; null where the name says nothing.</summary>
    public static Site? Of(string module)
    {
        string[] parts = module.Split('.');
        int at = Array.FindLastIndex(parts, part => part.Length > 0 && part.All(char.IsAsciiDigit));
        if (at < 0)
            return module.Contains("embed", StringComparison.Ordinal) ? new(0, SiteKind.TokenEmbedding) : null;
        if (!int.TryParse(parts[at], NumberStyles.None, CultureInfo.InvariantCulture, out int layer))
            return null;
        string rest = string.Join('.', parts[(at + 1)..]);
        return rest.Length == 0 ? new(layer, SiteKind.BlockOutput)
            : rest.Contains("attn", StringComparison.Ordinal) || rest.Contains("attention", StringComparison.Ordinal)
                ? new(layer, SiteKind.AttentionOutput)
            : rest is "mlp" or "feed_forward" or "fc2" or "mlp_output" or "ffn" ? new(layer, SiteKind.MlpOutput)
            : rest.EndsWith("block_output", StringComparison.Ordinal) ? new(layer, SiteKind.BlockOutput)
            : null;
    }
}
