using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Cli;

/// <summary>The options of every command that reads data: which files, which rows, and how fields are called.</summary>
/// <param name="name">The option that names files.</param>
/// <param name="files">What the files are.</param>
/// <param name="usual">What the data is where nothing says it; null where that has to be said.</param>
internal sealed class DataSelection(string name, string files, TaskPreset? usual = null)
{
    private static readonly string[] Own = ["instruction", "output", "input", "is_safe"];

    private readonly Option<string[]> _data = new(name)
    {
        Description = files,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };

    private readonly Option<string?> _task = Task(usual);

    private readonly Option<string[]> _field = Field(
        "What the files call a field, as in sentence=review; without --task: instruction, output, input, is_safe.");

    private readonly Option<DataFormat> _format = Format();

    private readonly Option<string?> _rows = Rows();

    /// <summary>The options that say more of the data than which files they are.</summary>
    public IEnumerable<Option> Details => [_task, _field, _format, _rows];

    /// <summary>The option that names files.</summary>
    public Option<string[]> Files => _data;

    /// <summary>The option that names fields.</summary>
    private static Option<string[]> Field(string description) =>
        new("--field") { Description = description, HelpName = "NAME=FIELD" };

    /// <summary>The option that names the format of data files.</summary>
    private static Option<DataFormat> Format()
    {
        static string Name(DataFormat format) => JsonNamingPolicy.SnakeCaseLower.ConvertName($"{format}");
        var names = Enum.GetValues<DataFormat>().ToDictionary(Name);
        var option = new Option<DataFormat>("--format")
        {
            Description = "The format of the data; by default the extension and the content tell it.",
            HelpName = string.Join('|', names.Keys),
        };
        option.CustomParser = result => Parsed(result, names);
        return option;
    }

    /// <param name="command">The command.</param>
    /// <param name="hasTask">Whether the user may say what the data is.</param>
    public void AddTo(Command command, bool hasTask = true)
    {
        foreach (var option in Details.Prepend(_data).Where(option => hasTask || option != _task))
            command.Add(option);
    }

    /// <summary>The settings that the options give, where what the data is may be left open.</summary>
    /// <exception cref="InputException">Fields are named wrongly, or rows are no range.</exception>
    public FileDataOptions? ReadOpen(ParseResult parsed) =>
        parsed.GetValue(_data) is { Length: > 0 } files ? Open(parsed, files) : null;

    /// <summary>The settings that the options give; null where no file is named.</summary>
    /// <exception cref="InputException">Fields are named in no way, or wrongly.</exception>
    public FileDataOptions? ReadIfGiven(ParseResult parsed)
    {
        if (ReadOpen(parsed) is not { } options)
            return null;
        if (options.Task is null && options.Rename is var names)
            options = options with { Fields = Map(names ?? new Dictionary<string, string>()), Rename = null };
        options.Validate(name);
        return options;
    }

    private FileDataOptions Open(ParseResult parsed, string[] files)
    {
        var names = Names(parsed.GetValue(_field) ?? []);
        return new()
        {
            Path = files[0],
            More = files[1..],
            Task = parsed.GetValue(_task) ?? usual?.Id,
            Rename = names.Count == 0 ? null : names,
            Rows = parsed.GetValue(_rows),
            Format = parsed.GetValue(_format),
        };
    }

    /// <summary>The map that names of fields without a task are.</summary>
    /// <exception cref="InputException">A name is unknown, or one that is needed is missing.</exception>
    public static FieldMap Map(IReadOnlyDictionary<string, string> names) =>
        names.Keys.FirstOrDefault(name => !Own.Contains(name)) is { } unknown
            ? throw new InputException(
                "there is no such field without a task", $"--field {unknown}", expected: string.Join(", ", Own),
                remedy: "name the task whose field it is")
            : new(
                names.GetValueOrDefault("instruction") ?? throw new InputException(
                    "it is not said what the data is", "--task", "nothing",
                    "--task TASK, or --field instruction=NAME and --field output=NAME"),
                names.GetValueOrDefault("output") ?? throw new InputException(
                    "nothing says where the answers are", "--field", expected: "--field output=NAME",
                    remedy: "for prompts without answers, --task prompts --field prompt=NAME"),
                names.GetValueOrDefault("input"), names.GetValueOrDefault("is_safe"));

    /// <summary>For each name that the options give, the files' name for it.</summary>
    /// <exception cref="InputException">An option has no such form, or one name is given twice.</exception>
    private static Dictionary<string, string> Names(string[] fields)
    {
        var names = new Dictionary<string, string>();
        foreach (string field in fields)
            if (field.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } theirs]
                || !names.TryAdd(name, theirs))
                throw new InputException(
                    "a field is named wrongly or twice", $"--field {field}", expected: "NAME=FIELD, each name once");
        return names;
    }

    private static Option<string?> Task(TaskPreset? usual)
    {
        string without = usual is null ? "none where --field names its fields" : $"{usual.Id} by default";
        var option = new Option<string?>("--task") { Description = $"What the data is; {without}.", HelpName = "TASK" };
        option.AcceptOnlyFromAmong([.. TaskPreset.All.Select(preset => preset.Id)]);
        return option;
    }

    private static Option<string?> Rows()
    {
        var option = new Option<string?>("--rows") { Description = "Rows by number from 1, both ends included, as in 1000-2000.", HelpName = "FIRST-LAST" };
        option.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && RowRange.Parse(text) is null)
                result.AddError($"--rows takes {RowRange.Form}");
        });
        return option;
    }

    private static DataFormat Parsed(ArgumentResult result, Dictionary<string, DataFormat> names)
    {
        if (result.Tokens is [{ Value: var text }] && names.TryGetValue(text.Replace('-', '_'), out var format))
            return format;
        result.AddError($"--format takes {string.Join(", ", names.Keys)}");
        return default;
    }
}
