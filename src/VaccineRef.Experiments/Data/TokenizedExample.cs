using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>A row as the model sees it: the prompt, the target and the end of text.</summary>
/// <param name="Tokens">The token ids.</param>
/// <param name="Labels">
/// One label for each token: <see cref="PackedBatch.Ignored"/> in the prompt, and the token itself after it. Labels are
/// not shifted; the loss itself predicts position t + 1 from position t.
/// </param>
/// <param name="PromptLength">The number of tokens before the first one that is learned.</param>
/// <param name="Id">The id of the example.</param>
/// <param name="Truncated">
/// Whether tokens were cut off at the maximal length. In that case the end-of-text token is missing.
/// </param>
public sealed record TokenizedExample(int[] Tokens, int[] Labels, int PromptLength, string Id, bool Truncated)
{
    /// <summary>Whether the end of the prompt, or of a turn, is no token boundary.</summary>
    internal bool Mismatch { get; init; }
}
