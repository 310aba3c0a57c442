using System.Text.Json;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>Every command that reads data takes the same options, and each of them does something.</summary>
public sealed class DataOptionTests : IDisposable
{
    private static readonly string[] Row = ["asks", "says", "guarded"];

    private readonly TinyExperiment _tiny = new();

    public DataOptionTests()
    {
        foreach (var (folder, count) in (ReadOnlySpan<(string, int)>)[("data", 3), ("data/more", 2)])
        {
            Directory.CreateDirectory(_tiny.In(folder));
            _tiny.Write($"{folder}/rows.jsonl", string.Concat(Enumerable.Range(0, count).Select(i => JsonSerializer.Serialize(new Dictionary<string, object>
            {
                [Row[0]] = $"Where is {folder} {i}?",
                [Row[1]] = "I cannot say.",
                [Row[2]] = folder == "data",
            }) + "\n")));
        }
    }

    public void Dispose() => _tiny.Dispose();

    public static TheoryData<string> Commands => ["evaluate", "generate", "judge", "init"];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Fields_files_patterns_folders_rows_and_formats(string command)
    {
        string first = _tiny.In("data/rows.jsonl"), second = _tiny.In("data/more/rows.jsonl");
        Assert.Equal(3, Rows(command, [first]));
        Assert.Equal(5, Rows(command, [first, second]));
        Assert.Equal(5, Rows(command, [_tiny.In("data/**/*.jsonl")]));
        Assert.Equal(2, Rows(command, [_tiny.In("data/more")]));
        Assert.Equal(2, Rows(command, [first], "--rows", "2-3"));
        string odd = _tiny.Write("rows.odd", $"{string.Join(';', Row)}\nWhere?;There.;true\n");
        Assert.Null(Rows(command, [odd]));
        Assert.Equal(1, Rows(command, [odd], "--format", "csv"));
        using (var gzip = new System.IO.Compression.GZipStream(
            File.Create(_tiny.In("rows.jsonl.gz")), System.IO.Compression.CompressionLevel.Fastest))
            gzip.Write(File.ReadAllBytes(first));
        Assert.Equal(3, Rows(command, [_tiny.In("rows.jsonl.gz")]));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void What_cannot_be_done_is_an_error(string command)
    {
        string first = _tiny.In("data/rows.jsonl");
        Assert.Null(Rows(command, [first, _tiny.In("data/more/rows.jsonl")], "--rows", "1-2"));
        Assert.Null(Rows(command, [first], "--rows", "7-9"));
        Assert.Null(Rows(command, [first, first]));
        Assert.Equal(2, Vaccine.Run([.. Words(command, [first]), "--field", "asks"]).Code);
    }

    /// <summary>How many rows the command took; null where it refused them, with what the exit code says.</summary>
    private int? Rows(string command, string[] files, params string[] more)
    {
        var outcome = Vaccine.Run(
            [.. Words(command, files), .. Fields(command).SelectMany(field => (string[])["--field", field]), .. more]);
        if (outcome.Code == 2)
            return null;
        Assert.True(outcome.Code == 0, outcome.Error);
        return command switch
        {
            "evaluate" => JsonDocument.Parse(File.ReadAllText(_tiny.In("found.json"))).RootElement
                .GetProperty("measured").GetProperty("scores")[0]
                .GetProperty("denominator").GetInt32(),
            "generate" => File.ReadAllLines(_tiny.In("answers.jsonl")).Length,
            "judge" => outcome.Out.Split('\n').Where(line => line.Contains("all prompts", StringComparison.Ordinal)
                && (line.Contains(" safe ", StringComparison.Ordinal)
                    || line.Contains("unsafe", StringComparison.Ordinal)))
                .Sum(line => int.Parse(
                    line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^1],
                    System.Globalization.CultureInfo.InvariantCulture)),
            _ => Trained(outcome.Out),
        };
    }

    /// <summary>How many rows of the recipe's files there are.</summary>
    private int Trained(string recipe)
    {
        string path = _tiny.Write("first.json", recipe);
        var plan = Vaccine.Run("plan", path, "--no-time", "--json", "--threads", "1");
        Assert.True(plan.Code == 0, plan.Error);
        return JsonDocument.Parse(plan.Out).RootElement.GetProperty("data")[0].GetProperty("found").GetInt32();
    }

    private static string[] Fields(string command) => command switch
    {
        "generate" => [$"prompt={Row[0]}"],
        "judge" => [$"prompt={Row[0]}", $"response={Row[1]}", $"is_safe={Row[2]}"],
        _ => [$"instruction={Row[0]}", $"output={Row[1]}"],
    };

    private string[] Words(string command, string[] files) => command switch
    {
        "evaluate" => ["evaluate", _tiny.In("model"), "--data", .. files, "--max-new-tokens", "1", "--threads", "1",
            "--json", _tiny.In("found.json")],
        "generate" => ["generate", _tiny.In("model"), "--file", .. files, "--max-new-tokens", "1", "--threads", "1",
            "--output", _tiny.In("answers.jsonl")],
        "judge" => ["judge", "--on", .. files, "--threads", "1"],
        _ => ["init", "--model", _tiny.In("model"), "--data", .. files],
    };
}
