using System.Text.Json.Serialization;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// What to do where the end of the prompt is no token boundary, that is, where the tokens of the prompt alone are no
/// prefix of the tokens of prompt and target together. The released code masks by length all the same and so counts or
/// hides the wrong tokens.
/// </summary>
[JsonConverter(typeof(SnakeCase<BoundaryPolicy>))]
public enum BoundaryPolicy
{
    /// <summary>It is an error.</summary>
    Error,

    /// <summary>
    /// It is counted, and prompt and target are tokenised each for itself. A SentencePiece tokenizer then puts its
    /// leading space before the target.
    /// </summary>
    Separate,

    /// <summary>It is counted, and as many tokens are ignored as the prompt alone has, as released.</summary>
    ByLength,
}
