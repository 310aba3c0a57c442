namespace VaccineRef.Alignment.Data;

/// <summary>
/// What to do where the end of the prompt is no token boundary, that is, where the tokens of the prompt alone are no
/// prefix of the tokens of prompt and target together. The released code masks by length all the same and so counts or
/// hides the wrong tokens.
/// </summary>
public enum BoundaryPolicy
{
    /// <summary>It is an error.</summary>
    Error,

    /// <summary>Prompt and target are tokenised each for itself, and it is counted.</summary>
    Separate,
}
