using System.Globalization;
using System.Text.RegularExpressions;

namespace VaccineRef.Models;

/// <summary>Which block of a transformer a tensor belongs to, by its name.</summary>
public static partial class BlockNumber
{
    /// <summary>
    /// The number of the block: 3 for "model.layers.3.mlp.up_proj.weight" and for "h.3.attn.c_attn.weight"; null for a
    /// tensor outside of the blocks.
    /// </summary>
    public static int? Of(string name) =>
        Block().Match(name) is { Success: true } match
        && int.TryParse(match.Groups[1].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            ? number
            : null;

    /// <summary>Whether a tensor belongs to the attention module of a block.</summary>
    public static bool IsAttention(string name) => Attention().IsMatch(name);

    [GeneratedRegex(@"(?:^|\.)(?:layers|h)\.([0-9]{1,9})\.", RegexOptions.CultureInvariant)]
    private static partial Regex Block();

    [GeneratedRegex(@"(?:^|\.)(?:layers|h)\.[0-9]{1,9}\.(?:self_attn|attn)\.", RegexOptions.CultureInvariant)]
    private static partial Regex Attention();
}
