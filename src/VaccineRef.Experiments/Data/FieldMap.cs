using System.Text.Json.Serialization;

namespace VaccineRef.Experiments.Data;

/// <summary>Says which fields of a file hold what. Every row must have each field that is named here.</summary>
/// <param name="Instruction">The field that holds the instruction.</param>
/// <param name="Output">The field that holds the answer.</param>
/// <param name="Input">The field that holds the input. If this is null, every input is empty.</param>
/// <param name="IsSafe">
/// The field that says whether the answer is safe: true or false, in any of the spellings that docs/data.md lists.
/// </param>
/// <param name="Label">
/// The field that holds a label, of any scalar type. No experiment looks at it, and no recipe has it.
/// </param>
public sealed record FieldMap(
    string Instruction, string Output, string? Input = null, string? IsSafe = null,
    [property: JsonIgnore] string? Label = null);
