namespace VaccineRef.Experiments.Data;

/// <summary>One row of a data set: what is asked and what is answered.</summary>
/// <param name="Id">
/// Stable name of the row, "file:row": the file's name without folders, the row counted from 1.
/// </param>
/// <param name="Instruction">What is asked.</param>
/// <param name="Input">Further context, or the empty string: it chooses the template's form.</param>
/// <param name="Output">The answer; a training target when it is followed by the end-of-text token.</param>
/// <param name="IsSafe">Whether people labelled the answer safe; null where nobody did.</param>
/// <param name="Label">The row's label as its file has it, if it has one.</param>
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
