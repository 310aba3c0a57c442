using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Rows whose prompt another set has too. Training and evaluation prompts overlap in the published data (LANDSCAPE
/// 4.5), and a memorised prompt measures memory. Two prompts are the same if instruction and input agree after
/// lower-casing (invariant culture) and after every run of white space became one space, none at the ends.
/// </summary>
/// <param name="Kept">The rows whose prompt the other set lacks, in their order.</param>
/// <param name="Removed">The ids of the others.</param>
public sealed record PromptOverlap(ImmutableArray<Example> Kept, ImmutableArray<string> Removed)
{
    /// <summary>Splits training rows by whether an evaluation row has their prompt.</summary>
    public static PromptOverlap Remove(IEnumerable<Example> training, IEnumerable<Example> evaluation)
    {
        var held = evaluation.Select(Normalized).ToHashSet(StringComparer.Ordinal);
        var rows = training.ToLookup(example => held.Contains(Normalized(example)));
        return new([.. rows[false]], [.. rows[true].Select(example => example.Id)]);
    }

    /// <summary>The prompt by which rows are compared.</summary>
    public static string Normalized(Example example) =>
        $"{Squeeze(example.Instruction)}\n{Squeeze(example.Input)}";

    private static string Squeeze(string text) =>
        string.Join(' ', text.ToLowerInvariant().Split(default(char[]), StringSplitOptions.RemoveEmptyEntries));
}
