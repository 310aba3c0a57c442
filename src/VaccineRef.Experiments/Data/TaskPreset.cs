using System.Collections.Immutable;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Says how the rows of a well-known data set become examples: which fields it has, which instruction it uses, and
/// which form of a prompt template applies. Source: the released <c>build_dataset.py</c> scripts and <c>train.py</c> of
/// Vaccine.
/// A file that these scripts wrote, with instruction, input and output, is read by the same preset.
/// </summary>
/// <param name="Id">The name of the preset. It becomes <see cref="Example.Source"/>.</param>
/// <param name="Instruction">The instruction that all rows share. Null if each row has its own.</param>
/// <param name="WithInput">Whether rows have an input. Null if this differs from row to row.</param>
/// <param name="Columns">The names of the columns of a delimited file that has no header. Empty if it has one.</param>
/// <param name="ToExample">Makes an example from a row.</param>
public sealed record TaskPreset(
    string Id, string? Instruction, bool? WithInput, ImmutableArray<string> Columns, Func<DataRow, Example> ToExample)
{
    /// <summary>The fields that rows may have. A file with other names says so, and gives its own for them.</summary>
    public ImmutableArray<string> Fields { get; init; } = [];

    private const string Gsm8kSuffix = "\nFirst think step by step and then answer the final number.\n";
    private const string SentimentInstruction =
        "Analyze the sentiment of the input, and respond only positive or negative";
    private static readonly ImmutableArray<string> ReleasedFields = ["instruction", "input", "output"];
    private static readonly string[] ClassIndex = ["class index", "class id", "class"];

    // fields that hold a prompt in published sets of prompts; the first that a row has is taken
    private static readonly string[] PromptFields =
        [JsonRows.Text, "prompts", "goal", "instruction", "instructions", "question", "behavior", "behaviour",
            "forbidden prompt", "query", "text"];

    private const string NewsInstruction =
        "Categorize the news article given in the input into one of the 4 categories:\n\n" +
        "World\nSports\nBusiness\nSci/Tech\n";

    /// <summary>SST-2: fields <c>sentence</c> and <c>label</c> (0 negative, 1 positive).</summary>
    public static TaskPreset Sst2 { get; } = new("sst2", SentimentInstruction, true, [], row =>
    {
        var (name, label) = row.Class(IsReleased(row, "sentence") ? "output" : "label", 0, "negative", "positive");
        return IsReleased(row, "sentence")
            ? Released(row, name, "sst2")
            : new(row.Id, SentimentInstruction, row.Text("sentence"), name, null, label, "sst2");
    })
    { Fields = ["sentence", "label", .. ReleasedFields] };

    /// <summary>
    /// AG News: the original CSV without header (class 1 to 4, title, description; the text is title, space,
    /// description, as in the Hugging Face data set), the same with a header, or fields <c>text</c> and <c>label</c>,
    /// as Hugging Face stores it. A field called <c>label</c> counts from 0 to 3, a class index from 1 to 4.
    /// </summary>
    public static TaskPreset AgNews { get; } = new("ag_news", NewsInstruction, true, ["class index", "title", "description"], row =>
    {
        if (IsReleased(row, "text") && row.Known("title") is null)
            return Released(row, row.Class("output", 0, "World", "Sports", "Business", "Sci/Tech").Name, "ag_news");
        string text = row.Known("title") is { } title
            ? $"{row.Text(title)} {row.Text(row.Known("description") ?? "description")}"
            : row.Text(row.Known("text") ?? "text");
        string? index = row.Known(ClassIndex);
        var (name, label) = row.Class(
            index ?? row.Known("label") ?? "label", index is null ? 0 : 1, "World", "Sports", "Business", "Sci/Tech");
        return new(row.Id, NewsInstruction, text, name, null, label, "ag_news");
    })
    { Fields = ["text", "label", "class index", "title", "description", .. ReleasedFields] };

    /// <summary>
    /// GSM8K, with the fields <c>question</c> and <c>answer</c>. "####" is replaced by "The final answer is: ".
    /// </summary>
    public static TaskPreset Gsm8k { get; } = new("gsm8k", null, false, [], row =>
    {
        if (IsReleased(row, "question"))
            return FinalNumber.OfGold(row.Text("output")) is not null
                ? Released(row, row.Text("output"), "gsm8k")
                : throw row.Wrong("output", "a solution with exactly one number behind \"The final answer is: \"");
        string answer = row.Text("answer");
        return answer.Contains("####", StringComparison.Ordinal) && FinalNumber.OfGold(answer) is not null
            ? new(
                row.Id, row.Text("question") + Gsm8kSuffix, "", answer.Replace("####", "The final answer is: "),
                null, null, "gsm8k")
            : throw row.Wrong(
                "answer", "a solution with exactly one number behind \"####\", such as 18, -3, 1,234.50, .5 or 3/4");
    })
    { Fields = ["question", "answer", .. ReleasedFields] };

    /// <summary>
    /// Alpaca, and every file in the form that the released code uses, with the fields <c>instruction</c>,
    /// <c>output</c> and possibly <c>input</c>.
    /// </summary>
    public static TaskPreset Alpaca { get; } = new("alpaca", null, null, [], row => new(
        row.Id, row.Text("instruction"), row.TextOrEmpty("input"), row.Text("output"), null, null, "alpaca"))
    { Fields = ReleasedFields };

    /// <summary>
    /// BeaverTails: <c>prompt</c>, <c>response</c>, <c>is_safe</c>; the label is the list of its categories,
    /// which may be an object of flags, a list, text or null.
    /// </summary>
    public static TaskPreset BeaverTails { get; } = new("beavertails", null, false, [], row => new(
        row.Id, row.Text("prompt"), "", row.Text("response"), row.Flag("is_safe"),
        row.Categories("category"), "beavertails"))
    { Fields = ["prompt", "response", "is_safe", "category"] };

    /// <summary>
    /// Refusals of harmful instructions, from safety-tuned-llamas. The fields are those of Alpaca, and every answer is
    /// safe.
    /// </summary>
    public static TaskPreset Refusals { get; } = new("refusals", null, null, [], row => new(
        row.Id, row.Text("instruction"), row.TextOrEmpty("input"), row.Text("output"), true, null, "refusals"))
    { Fields = ReleasedFields };

    /// <summary>
    /// Prompts without answers, for an evaluation: AdvBench (<c>goal</c>), a list of strings, or any file whose prompt
    /// has one of the usual names. Whatever else stands there is not read.
    /// </summary>
    public static TaskPreset Prompts { get; } = new("prompts", null, null, [], row => new(
        row.Id, row.Text(row.Known(PromptFields) ?? JsonRows.Text),
        row.Known("input", "inputs", "context") is { } input ? row.TextOrEmpty(input) : "", "", null, null, "prompts"))
    { Fields = ["prompt", "input"] };

    /// <summary>
    /// Conversations of one or several turns: <c>messages</c>, <c>conversations</c>, or <c>prompt</c> with
    /// <c>completion</c> or <c>chosen</c>.
    /// </summary>
    public static TaskPreset Chat { get; } = new("chat", null, false, [], ChatRows.Of)
    { Fields = ["messages", "conversations", "prompt", "completion", "chosen", "is_safe"] };

    // the form into which the released scripts bring every data set: {"instruction": ..., "input": ..., "output": ...}
    private static bool IsReleased(DataRow row, string own) =>
        !row.Has(own) && row.Has("instruction") && row.Has("output");

    private static Example Released(DataRow row, string output, string task) =>
        new(row.Id, row.Text("instruction"), row.TextOrEmpty("input"), output, null, null, task);

    /// <summary>All presets.</summary>
    public static ImmutableArray<TaskPreset> All { get; } =
    [
        Sst2, AgNews, Gsm8k, Alpaca, BeaverTails, Refusals, Prompts, Chat,
    ];

    /// <summary>Finds the preset with this id.</summary>
    /// <exception cref="InputException">No preset has this id.</exception>
    public static TaskPreset Get(string id) => All.FirstOrDefault(task => task.Id == id) ?? throw new InputException(
        "unknown task preset", found: id, expected: string.Join(", ", All.Select(task => task.Id)),
        remedy: "for other field names give a field map");

    /// <summary>The same preset for files that call fields otherwise.</summary>
    /// <param name="theirs">For each of <see cref="Fields"/> that a file calls otherwise, its name there.</param>
    /// <exception cref="InputException">The preset has no such field.</exception>
    public TaskPreset Renamed(IReadOnlyDictionary<string, string> theirs) => theirs.Keys.FirstOrDefault(name => !Fields.Contains(name)) is { } unknown
        ? throw new InputException(
            $"the task '{Id}' has no such field", found: unknown, expected: string.Join(", ", Fields))
        : theirs.Count == 0 ? this : this with { ToExample = row => ToExample(row.Renamed(theirs)) };

    /// <summary>Makes a preset for a file with other field names.</summary>
    public static TaskPreset From(FieldMap map) => new("field-map", null, map.Input is null ? false : null, [], row =>
        new(row.Id, row.Text(map.Instruction), map.Input is null ? "" : row.Text(map.Input), row.Text(map.Output),
            map.IsSafe is null ? null : row.Flag(map.IsSafe),
            map.Label is null ? null : row.Scalar(map.Label), "field-map"));
}
