using System.Collections.Immutable;
using System.Numerics;

namespace VaccineRef.Models;

/// <summary>
/// The tokens that end a text. Three places name them, and each may name several: <c>generation_config.json</c> and
/// <c>config.json</c> under <c>eos_token_id</c>, and the tokenizer's files. Any of them ends a text.
/// </summary>
public static class EndTokens
{
    private const string Key = "eos_token_id", GenerationFile = "generation_config.json";

    /// <summary>The ids that a model folder's config.json and generation_config.json name, each once.</summary>
    /// <exception cref="CheckpointException">
    /// A file is malformed, or its <c>eos_token_id</c> is not a number or a list of numbers.
    /// </exception>
    public static ImmutableArray<int> Read(string folder) => Of(ConfigReader.Open(folder), folder);

    /// <summary>All that end a text of this model: what its own files name, and what its tokenizer names.</summary>
    public static ImmutableArray<int> Of<T>(Model<T> model, ITextTokenizer tokenizer)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        tokenizer.EosId is { } eos && !model.EndIds.Contains(eos) ? [.. model.EndIds, eos] : model.EndIds;

    /// <summary>A continuation without the end token that it closes with, if it does: not every one is special.</summary>
    public static ReadOnlySpan<int> Answer(ReadOnlySpan<int> continuation, ImmutableArray<int> ends) =>
        continuation is [.., var last] && ends.Contains(last) ? continuation[..^1] : continuation;

    internal static ImmutableArray<int> Of(ConfigReader config, string? folder)
    {
        string? path = folder is null ? null : Path.Combine(folder, GenerationFile);
        var generation = File.Exists(path) ? ConfigReader.OpenFile(path) : null;
        // A negative id is how some configurations write that there is none.
        return [.. (generation?.Ints(Key) ?? []).Concat(config.Ints(Key)).Where(id => id >= 0).Distinct()];
    }
}
