namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// When an answer to a classification task counts as right. Both rules should be reported, since each makes mistakes of
/// its own.
/// </summary>
public enum AccuracyRule
{
    /// <summary>
    /// The answer contains one of the spellings of the label, as in Vaccine's code. So "not positive" is right for
    /// positive, and an answer that names both labels is right for both classes.
    /// </summary>
    Substring,

    /// <summary>
    /// The whole answer is one of the spellings of the label, as in the code of Lisa and Booster. So an answer with a
    /// full stop at the end is wrong.
    /// </summary>
    Exact,
}
