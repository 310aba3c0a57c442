using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VaccineRef.Experiments.Grid;
using VaccineRef.Reporting;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>
/// A grid of a few steps, with two conditions and one attack, as workers on several machines compute it. Gone
/// afterwards.
/// </summary>
internal sealed partial class TinyCluster : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref-").FullName;
    private readonly JsonObject _recipe =
        JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "tests", "kill", "grid.json")))!.AsObject();

    public TinyCluster()
    {
        _recipe["grid"]!["seed"] = "5";
        Set("name", "\"tiny grid\"");
    }

    /// <summary>A path inside the folder.</summary>
    public string In(string name) => Path.Combine(_folder, name);

    /// <summary>The recipe's file.</summary>
    public string Recipe => In("grid.json");

    /// <summary>Sets a key of the recipe.</summary>
    public void Set(string key, string json)
    {
        _recipe[key] = JsonNode.Parse(json);
        File.WriteAllText(Recipe, _recipe.ToJsonString());
    }

    /// <summary>Writes the plan.</summary>
    public void Plan()
    {
        var outcome = Vaccine.Run("lab", "plan", Recipe, "--no-time", "-o", In("plan.json"));
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
    }

    /// <summary>Computes a part of it.</summary>
    public Outcome Work(params string[] options) =>
        Vaccine.Run(["lab", "work", In("plan.json"), "--cache", In("cache"), "--threads", "1", .. options]);

    /// <summary>Writes the report.</summary>
    public Outcome Report() =>
        Vaccine.Run("lab", "report", In("plan.json"), "--cache", In("cache"), "--out", In("out"), "--threads", "1");

    /// <summary>The report in a folder.</summary>
    public ExperimentReport Read(string folder) => ReportWriter.Read(In(folder));

    /// <summary>Requires that the report is, byte for byte but for its times, that of one process.</summary>
    public void RequireReportOfOneProcess(int code = 0)
    {
        Assert.Equal(
            code, Vaccine.Run("lab", "--recipe", Recipe, "--out", In("one"), "--cache", In("one-cache"), "--threads", "1").Code);
        string[] names = [.. Directory.GetFiles(In("one")).Select(path => Path.GetFileName(path)!).Order()];
        Assert.Contains("report.html", names);
        foreach (string name in names)
            Assert.Equal(WithoutTimes(Path.Combine(In("one"), name)), WithoutTimes(Path.Combine(In("out"), name)));
        Assert.Equal(
            JsonSerializer.Serialize(Read("one").WithoutTimes()), JsonSerializer.Serialize(Read("out").WithoutTimes()));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string WithoutTimes(string path)
    {
        string text = File.ReadAllText(path);
        return Path.GetExtension(path) switch
        {
            ".json" => Seconds().Replace(text, "\"$1\":0"),
            ".md" => CostInMarkdown().Replace(text, ""),
            ".html" => CostInHtml().Replace(text, ""),
            _ => text,
        };
    }

    [GeneratedRegex("""
        "(seconds|seconds_per_step|training_seconds)": *[-+.eE0-9]+
        """)]
    private static partial Regex Seconds();

    [GeneratedRegex(@"^## Cost\n.*?(?=^## )", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex CostInMarkdown();

    [GeneratedRegex("<section><h2>Cost<.*?</section>", RegexOptions.Singleline)]
    private static partial Regex CostInHtml();
}
