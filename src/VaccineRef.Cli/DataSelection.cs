using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Cli;

/// <summary>The options of every command that reads data: which files, which rows, and how fields are called.</summary>
internal sealed class DataSelection(string files)
{
    private static readonly string[] Own = ["instruction", "output", "input", "is_safe", "label"];

    private readonly Option<string[]> _data = new("--data")
    {
        Description = files,
        AllowMultipleArgumentsPerToken = true,
        HelpName = "FILE",
    };

    private readonly Option<string?> _task = Task();

    private readonly Option<string[]> _field = Field(
        "What the files call a field, as in sentence=review; without --task: instruction, output, input, is_safe, label.");

    private readonly Option<DataFormat> _format = Format();

    private readonly Option<string?> _rows = Rows();

    /// <summary>The options that say more of the data than which files they are.</summary>
    public IEnumerable<Option> Details => [_task, _field, _format, _rows];

    /// <summary>The option that names fields.</summary>
    public static Option<string[]> Field(string description) => new("--field") { Description = description, HelpName = "NAME=FIELD" };

    /// <summary>The option that names the format of data files.</summary>
    public static Option<DataFormat> Format()
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

    public void AddTo(Command command)
    {
        foreach (var option in Details.Prepend(_data))
            command.Add(option);
    }

    /// <summary>The settings that the options give; null where no file is named.</summary>
    /// <exception cref="InputException">Fields are named in no way, or wrongly.</exception>
    public FileDataOptions? ReadIfGiven(ParseResult parsed)
    {
        if (parsed.GetValue(_data) is not { Length: > 0 } files)
            return null;
        var names = Names(parsed.GetValue(_field) ?? []);
        string? task = parsed.GetValue(_task);
        var options = new FileDataOptions
        {
            Path = files[0],
            More = files[1..],
            Task = task,
            Fields = task is null ? Map(names) : null,
            Rename = task is null || names.Count == 0 ? null : names,
            Rows = parsed.GetValue(_rows),
            Format = parsed.GetValue(_format),
        };
        options.Validate("--data");
        return options;
    }

    private static FieldMap Map(Dictionary<string, string> names) =>
        names.Keys.FirstOrDefault(name => !Own.Contains(name)) is { } unknown
            ? throw new InputException(
                "there is no such field without a task", $"--field {unknown}", expected: string.Join(", ", Own), remedy: "name the task whose field it is")
            : new(
                names.GetValueOrDefault("instruction") ?? throw new InputException(
                    "it is not said what the data is", "--task", "nothing", "--task TASK, or --field instruction=NAME and --field output=NAME"),
                names.GetValueOrDefault("output") ?? throw new InputException(
                    "nothing says where the answers are", "--data", expected: "--field output=NAME", remedy: "for prompts without answers, --task prompts --field prompt=NAME"),
                names.GetValueOrDefault("input"), names.GetValueOrDefault("is_safe"), names.GetValueOrDefault("label"));

    /// <summary>For each name that the options give, the files' name for it.</summary>
    /// <exception cref="InputException">An option has no such form, or one name is given twice.</exception>
    public static Dictionary<string, string> Names(string[] fields)
    {
        var names = new Dictionary<string, string>();
        foreach (string field in fields)
            if (field.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } theirs] || !names.TryAdd(name, theirs))
                throw new InputException("a field is named wrongly or twice", $"--field {field}", expected: "NAME=FIELD, each name once");
        return names;
    }

    private static Option<string?> Task()
    {
        var option = new Option<string?>("--task") { Description = "What the data is; none where --field names its fields.", HelpName = "TASK" };
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
