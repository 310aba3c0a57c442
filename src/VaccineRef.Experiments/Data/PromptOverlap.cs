using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Separates the rows whose prompt also occurs in another set. In the published data, training and evaluation prompts
/// overlap, and a prompt that the model was trained on measures memory rather than behaviour. Two prompts count as the
/// same if their instructions and inputs agree after lower-casing (in the invariant culture) and after white space is
/// normalised: none at the ends, and a single space elsewhere. Every turn of the user in
/// a conversation that is trained on is a prompt.
/// </summary>
/// <param name="Kept">The rows whose prompt does not occur in the other set, in order.</param>
/// <param name="Removed">The ids of the rows whose prompt does occur there.</param>
public sealed record PromptOverlap(ImmutableArray<Example> Kept, ImmutableArray<string> Removed)
{
    /// <summary>Separates the training rows whose prompt is also the prompt of an evaluation row.</summary>
    public static PromptOverlap Remove(IEnumerable<Example> training, IEnumerable<Example> evaluation)
    {
        var held = evaluation.Select(Normalized).ToHashSet(StringComparer.Ordinal);
        var rows = training.ToLookup(
            example => example.Prompts.Any(prompt => held.Contains(Normalized(prompt.Instruction, prompt.Input))));
        return new([.. rows[false]], [.. rows[true].Select(example => example.Id)]);
    }

    /// <summary>The normalised prompt of a row, by which rows are compared.</summary>
    public static string Normalized(Example example) => Normalized(example.Instruction, example.Input);

    private static string Normalized(string instruction, string input) => $"{Squeeze(instruction)}\n{Squeeze(input)}";

    private static string Squeeze(string text) =>
        string.Join(' ', text.ToLowerInvariant().Split(default(char[]), StringSplitOptions.RemoveEmptyEntries));
}
