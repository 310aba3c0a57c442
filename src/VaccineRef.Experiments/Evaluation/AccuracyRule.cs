namespace VaccineRef.Experiments.Evaluation;

/// <summary>When an answer to a classification task is right. Report both: each errs in its own direction.</summary>
public enum AccuracyRule
{
    /// <summary>
    /// One of the label's spellings is part of the answer (Vaccine): "not positive" passes for positive, and an answer
    /// that names both labels is right for both classes.
    /// </summary>
    Substring,

    /// <summary>
    /// The whole answer is one of the label's spellings (Lisa, Booster): a trailing full stop is wrong.
    /// </summary>
    Exact,
}
