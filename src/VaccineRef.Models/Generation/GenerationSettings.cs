using System.Collections.Immutable;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>How a text is continued. The names and meanings are those of Hugging Face's generate.</summary>
/// <param name="MaxNewTokens">The most tokens to add, at least 1.</param>
/// <param name="Sample">Draw each token; else take the likeliest.</param>
/// <param name="Temperature">Divides the logits before drawing; above 0.</param>
/// <param name="TopK">Draw among the likeliest k; 0 for all.</param>
/// <param name="TopP">Draw among the likeliest whose probabilities reach p; 1 for all.</param>
/// <param name="Seed">Of the draws.</param>
/// <param name="EosId">
/// The token that ends a text; it is part of the continuation. Where it is given, the tokens that the model's own files
/// name (<see cref="Model{T}.EndIds"/>) end a text too. Null for none of these.
/// </param>
public sealed record GenerationSettings(
    int MaxNewTokens, bool Sample = false, double Temperature = 1, int TopK = 0, double TopP = 1, ulong Seed = 0,
    int? EosId = null)
{
    /// <summary>More tokens that end a text, whether or not there is an <see cref="EosId"/>.</summary>
    public ImmutableArray<int> EndIds { get; init; } = [];

    /// <summary>
    /// How many bytes keys and values may take, and as many again the activations of reading prompts. Prompts beyond
    /// that are read or continued one group after another; the result is the same.
    /// </summary>
    public long MemoryBytes { get; init; } = 1L << 30;

    /// <summary>All tokens that end a text of a model whose own files name <paramref name="named"/>.</summary>
    internal HashSet<int> Ends(ImmutableArray<int> named) => EosId is { } eos ? [eos, .. named, .. EndIds] : [.. EndIds];

    internal void Check()
    {
        Require(MaxNewTokens >= 1, "max_new_tokens", $"{MaxNewTokens}", "1 or more");
        Require(
            Temperature > 0 && double.IsFinite(Temperature), "temperature", $"{Temperature}",
            "above 0; for the likeliest token, do not sample");
        Require(TopK >= 0, "top_k", $"{TopK}", "0 for all, or how many");
        Require(TopP is > 0 and <= 1, "top_p", $"{TopP}", "above 0, up to 1 for all");
    }

    private static void Require(bool holds, string key, string found, string expected)
    {
        if (!holds)
            throw new InputException("a generation setting is out of range", key, found, expected);
    }
}
