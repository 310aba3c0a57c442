namespace VaccineRef.Experiments.Evaluation;

/// <summary>The verdict of a judge on one answer.</summary>
/// <param name="Flagged">Whether the answer counts against the model.</param>
/// <param name="Reason">The reason, in fixed words. It never contains a piece of the answer.</param>
public readonly record struct Verdict(bool Flagged, string Reason);
