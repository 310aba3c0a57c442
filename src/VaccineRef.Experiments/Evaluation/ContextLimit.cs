using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>What does not fit into a model's context is named by its row before anything is computed.</summary>
internal static class ContextLimit
{
    /// <summary>Requires that prompts can be continued.</summary>
    /// <exception cref="DataException">A prompt is too long.</exception>
    public static void Require(IReadOnlyList<Example> rows, IReadOnlyList<int[]> prompts, int added, int context)
    {
        foreach (var error in Beyond(rows, prompts, added, context))
            throw error;
    }

    /// <summary>The prompts that cannot be continued, an error for each.</summary>
    /// <param name="rows">The rows that the prompts are of.</param>
    /// <param name="prompts">Their tokens.</param>
    /// <param name="added">How many tokens are added; the last of them is not read again.</param>
    /// <param name="context">The most tokens of a sequence.</param>
    public static IEnumerable<DataException> Beyond(
        IReadOnlyList<Example> rows, IReadOnlyList<int[]> prompts, int added, int context) =>
        from entry in rows.Zip(prompts)
        where entry.Second.Length + added - 1 > context
        select new DataException(
            "a prompt of the evaluation is too long for the model's context", entry.First.Id,
            found: $"{entry.Second.Length} tokens, and {added} to be generated",
            expected: $"at most {context + 1} in all",
            remedy: "leave the row out, ask for fewer new tokens, or take a model with a longer context");

    /// <summary>The sequences that cannot be read, an error for each.</summary>
    public static IEnumerable<DataException> Beyond(IEnumerable<TokenSequence> sequences, int context) =>
        from sequence in sequences
        where sequence.Tokens.Length > context
        select new DataException(
            "a row is too long for the model's context", sequence.Id, found: $"{sequence.Tokens.Length} tokens",
            expected: $"at most {context}",
            remedy: $"set max_length to {context} or less, or take a model with a longer context");
}
