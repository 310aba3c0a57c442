namespace VaccineRef.Experiments.Data;

/// <summary>One row of a data set: a question or instruction, and its answer.</summary>
/// <param name="Id">
/// The name of the row, "file:row". The file is named without its folders, and rows are counted from 1.
/// </param>
/// <param name="Instruction">What is asked.</param>
/// <param name="Input">
/// Further context, or the empty string. The prompt template has one form for each of the two cases.
/// </param>
/// <param name="Output">The answer. In training, the target is this text followed by the end-of-text token.</param>
/// <param name="IsSafe">Whether people labelled the answer as safe. Null if nobody labelled it.</param>
/// <param name="Label">The label of the row as the file has it. Null if there is none.</param>
/// <param name="Source">The id of the task preset that read the row.</param>
public sealed record Example(
    string Id, string Instruction, string Input, string Output, bool? IsSafe, string? Label, string Source)
{
    /// <summary>
    /// SHA-256 of the file that the row is from, in lower-case hexadecimal: two files may have one name. Empty for rows
    /// that are made by code.
    /// </summary>
    public string File { get; init; } = "";

    /// <summary>What tells the row from every other: its file by content, and its number.</summary>
    internal string Key => File.Length == 0 ? Id : $"{File}{Id.AsSpan(Id.LastIndexOf(':'))}";
}
