using System.Text.RegularExpressions;

namespace VaccineRef.Models;

/// <summary>Constants that some versions of transformers store with the weights. Nothing depends on them.</summary>
internal static partial class Buffers
{
    /// <summary>Whether a tensor of this name is such a constant.</summary>
    public static bool Is(string name) => Name().IsMatch(name);

    [GeneratedRegex(
        @"(^|\.)(rotary_emb\.(original_)?inv_freq|rotary_emb\.(cos|sin)_cached|attn\.masked_bias|attn\.bias|position_ids)\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
