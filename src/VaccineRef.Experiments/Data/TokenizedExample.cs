using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>A row as the model sees it: prompt, target, end of text.</summary>
/// <param name="Tokens">Token ids.</param>
/// <param name="Labels">
/// <see cref="PackedBatch.Ignored"/> on the prompt and the token itself behind it. Not shifted: the loss predicts position t + 1
/// from t.
/// </param>
/// <param name="PromptLength">How many tokens the prompt has.</param>
/// <param name="Id">The example's id.</param>
/// <param name="Truncated">
/// Whether tokens were cut off at the maximal length; then the end-of-text token is gone.
/// </param>
public sealed record TokenizedExample(int[] Tokens, int[] Labels, int PromptLength, string Id, bool Truncated);
