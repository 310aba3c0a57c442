using System.Collections.Immutable;
using System.Numerics;

namespace VaccineRef.Models;

/// <summary>
/// The tokens that end a text. They may be named in three places, and each place may name several: the
/// <c>eos_token_id</c> of <c>generation_config.json</c>, that of <c>config.json</c>, and the tokenizer's files. Every
/// one of these tokens ends a text.
/// </summary>
public static class EndTokens
{
    private const string Key = "eos_token_id", GenerationFile = "generation_config.json";

    /// <summary>The ids that config.json and generation_config.json of a model folder name, each once.</summary>
    /// <exception cref="CheckpointException">
    /// A file is malformed, or its <c>eos_token_id</c> is not a number or a list of numbers.
    /// </exception>
    public static ImmutableArray<int> Read(string folder) => Of(ConfigReader.Open(folder), folder);

    /// <summary>
    /// All tokens that end a text of this model: those that its own files name and those that its tokenizer names.
    /// </summary>
    public static ImmutableArray<int> Of<T>(Model<T> model, ITextTokenizer tokenizer)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        tokenizer.EosId is { } eos && !model.EndIds.Contains(eos) ? [.. model.EndIds, eos] : model.EndIds;

    /// <summary>
    /// A continuation without the end token, if it ends with one. The end token must be removed here, because decoding
    /// leaves out only special tokens, and not every end token is special.
    /// </summary>
    public static ReadOnlySpan<int> Answer(ReadOnlySpan<int> continuation, ImmutableArray<int> ends) =>
        continuation is [.., var last] && ends.Contains(last) ? continuation[..^1] : continuation;

    internal static ImmutableArray<int> Of(ConfigReader config, string? folder)
    {
        string? path = folder is null ? null : Path.Combine(folder, GenerationFile);
        var generation = File.Exists(path) ? ConfigReader.OpenFile(path) : null;
        // Some configurations use a negative id to say that there is no such token.
        return [.. (generation?.Ints(Key) ?? []).Concat(config.Ints(Key)).Where(id => id >= 0).Distinct()];
    }
}
