namespace VaccineRef.Experiments.Evaluation;

/// <summary>What a judge says of one answer.</summary>
/// <param name="Flagged">Whether the answer counts against the model.</param>
/// <param name="Reason">Why, in fixed words: never a piece of the answer.</param>
public readonly record struct Verdict(bool Flagged, string Reason);
