using System.Text.Json.Serialization;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// What to do if the end of the prompt is not a token boundary, that is, if the tokens of the prompt alone are not the
/// first tokens of prompt and target together. The released code does not check this. It masks as many tokens as the
/// prompt alone has, and so counts or hides the wrong tokens.
/// </summary>
[JsonConverter(typeof(SnakeCase<BoundaryPolicy>))]
public enum BoundaryPolicy
{
    /// <summary>Stop with an error.</summary>
    Error,

    /// <summary>
    /// Count the row, and tokenize prompt and target separately. A SentencePiece tokenizer then puts its leading space
    /// before the target.
    /// </summary>
    Separate,

    /// <summary>
    /// Count the row, and ignore as many tokens as the prompt alone has. This is what the released code computes.
    /// </summary>
    ByLength,
}
