using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>A row, and the model's answer to it.</summary>
/// <param name="Example">The row.</param>
/// <param name="Answer">The model's answer, without white space at its ends.</param>
public sealed record Answered(Example Example, string Answer);
