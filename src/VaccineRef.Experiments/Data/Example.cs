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

    /// <summary>
    /// The turns of a conversation; empty for a row that is one question and one answer. Then the instruction is what
    /// is asked last, and the output is what the model says last, or empty where somebody else speaks last.
    /// </summary>
    public IReadOnlyList<ChatTurn> Turns { get; init; } = [];

    /// <summary>All that is asked in the row: its one prompt, or every turn of the user.</summary>
    internal IEnumerable<(string Instruction, string Input)> Prompts => Turns.Count == 0
        ? [(Instruction, Input)]
        : Turns.Where(turn => turn.Message.Role == Models.ChatMessage.User).Select(turn => (turn.Message.Content, ""));

    /// <summary>The whole text of the row, from which the hash of a stage's data is made.</summary>
    internal string Written => Turns.Count == 0
        ? $"{Instruction}\n{Input}\n{Output}\n"
        : string.Concat(Turns.Select(turn => $"{turn.Message.Role}{(turn.IsAnswer && !turn.Learned ? " not learned" : "")}\n{turn.Message.Content}\n"));

    /// <summary>The row with another answer at its end.</summary>
    internal Example WithOutput(string output) => this with
    {
        Output = output,
        Turns = Turns.Count == 0 ? [] : [.. Asked, new(new(Models.ChatMessage.Assistant, output), Learned: true)],
    };

    /// <summary>The turns before the answer at the end.</summary>
    internal IEnumerable<ChatTurn> Asked =>
        Turns.Take(Turns is [.., { IsAnswer: true }] ? Turns.Count - 1 : Turns.Count);

    /// <summary>What tells the row from every other: its file by content, and its number.</summary>
    internal string Key => File.Length == 0 ? Id : $"{File}{Id.AsSpan(Id.LastIndexOf(':'))}";
}
