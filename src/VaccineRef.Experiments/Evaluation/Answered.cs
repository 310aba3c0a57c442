using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>A row and what the model answered.</summary>
/// <param name="Example">The row.</param>
/// <param name="Answer">The model's answer, trimmed.</param>
public sealed record Answered(Example Example, string Answer);
