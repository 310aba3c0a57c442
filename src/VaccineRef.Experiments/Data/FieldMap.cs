namespace VaccineRef.Experiments.Data;

/// <summary>Which field of a file holds what. A field that is named here must stand in every row.</summary>
/// <param name="Instruction">Field of the instruction.</param>
/// <param name="Output">Field of the answer.</param>
/// <param name="Input">Field of the input; null: every input is empty.</param>
/// <param name="IsSafe">Field of the safety label: true or false, in any spelling of docs/data.md.</param>
/// <param name="Label">Field of a label of any scalar type.</param>
public sealed record FieldMap(
    string Instruction, string Output, string? Input = null, string? IsSafe = null, string? Label = null);
