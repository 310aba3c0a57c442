using System.Collections.Immutable;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Settings for continuing texts. Their names and meanings are those of <c>generate</c> in Hugging Face transformers.
/// </summary>
/// <param name="MaxNewTokens">The largest number of tokens to add, at least 1.</param>
/// <param name="Sample">Whether to draw each token at random. Otherwise the likeliest token is taken.</param>
/// <param name="Temperature">The number by which logits are divided before drawing; above 0.</param>
/// <param name="TopK">Draw only among the k likeliest tokens; 0 for all.</param>
/// <param name="TopP">Draw only among the likeliest tokens whose probabilities together reach p; 1 for all.</param>
/// <param name="Seed">The seed of the random numbers.</param>
/// <param name="EosId">
/// The token that ends a text. It becomes part of the continuation. If it is given, the tokens that the model's own
/// files name (<see cref="Model{T}.EndIds"/>) end a text too. If it is null, none of these do.
/// </param>
public sealed record GenerationOptions(
    int MaxNewTokens, bool Sample = false, double Temperature = 1, int TopK = 0, double TopP = 1, ulong Seed = 0,
    int? EosId = null)
{
    /// <summary>Further tokens that end a text, whether or not there is an <see cref="EosId"/>.</summary>
    public ImmutableArray<int> EndIds { get; init; } = [];

    /// <summary>Told the number of the prompt and the token as soon as a token is added; null for nobody.</summary>
    public Action<int, int>? OnToken { get; init; }

    /// <summary>Told the number of the prompt as soon as its continuation is complete; null for nobody.</summary>
    public Action<int>? OnEnd { get; init; }

    /// <summary>
    /// How many bytes keys and values may take. The activations of reading prompts may take the same amount again. If
    /// the prompts need more, they are read or continued one group after another; the result is the same.
    /// </summary>
    public long MemoryBytes { get; init; } = 1L << 30;

    /// <summary>All tokens that end a text, for a model whose own files name <paramref name="named"/>.</summary>
    internal HashSet<int> Ends(ImmutableArray<int> named) =>
        EosId is { } eos ? [eos, .. named, .. EndIds] : [.. EndIds];

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
