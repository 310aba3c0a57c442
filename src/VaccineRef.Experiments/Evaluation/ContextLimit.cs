using VaccineRef.Experiments.Data;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>What does not fit into a model's context is named by its row before anything is computed.</summary>
internal static class ContextLimit
{
    /// <summary>Requires that prompts can be continued.</summary>
    /// <param name="rows">The rows that the prompts are of.</param>
    /// <param name="prompts">Their tokens.</param>
    /// <param name="added">How many tokens are added; the last of them is not read again.</param>
    /// <param name="context">The most tokens of a sequence.</param>
    /// <exception cref="DataException">A prompt is too long.</exception>
    public static void Require(IReadOnlyList<Example> rows, IReadOnlyList<int[]> prompts, int added, int context)
    {
        foreach (var (row, prompt) in rows.Zip(prompts))
            if (prompt.Length + added - 1 > context)
                throw new DataException(
                    "a prompt of the evaluation is too long for the model's context", row.Id,
                    found: $"{prompt.Length} tokens, and {added} to be generated", expected: $"at most {context + 1} in all",
                    remedy: "leave the row out, ask for fewer new tokens, or take a model with a longer context");
    }

    /// <summary>Requires that sequences can be read.</summary>
    /// <exception cref="DataException">One is too long.</exception>
    public static void Require(IEnumerable<TokenSequence> sequences, int context)
    {
        foreach (var sequence in sequences)
            if (sequence.Tokens.Length > context)
                throw new DataException(
                    "a row is too long for the model's context", sequence.Id, found: $"{sequence.Tokens.Length} tokens",
                    expected: $"at most {context}", remedy: $"set max_length to {context} or less, or take a model with a longer context");
    }
}
