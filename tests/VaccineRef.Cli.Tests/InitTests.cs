using VaccineRef.Experiments.Recipes;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>The first recipe of a new user runs as it is.</summary>
public sealed class InitTests : IDisposable
{
    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Theory]
    [InlineData("safe.json", null, "alpaca")]
    [InlineData("safe.json", "refusals", "refusals")]
    [InlineData("task.tsv", null, "sst2")]
    [InlineData("guarded.jsonl", null, "beavertails")]
    public void What_is_written_runs(string data, string? task, string recognised)
    {
        _tiny.Write("guarded.jsonl", """{"prompt": "Where?", "response": "I cannot say.", "is_safe": true}""");
        string recipe = _tiny.In("mine/first.json");
        var written = Vaccine.Run(["init", "--model", _tiny.In("model"), "--data", _tiny.In(data), "--out", recipe, .. task is null ? (string[])[] : ["--task", task]]);
        Assert.Equal((0, ""), (written.Code, written.Error));
        Assert.Contains($"\"task\": \"{recognised}\"", File.ReadAllText(recipe), StringComparison.Ordinal);
        Assert.Equal(RecipeSchema.Text, File.ReadAllText(_tiny.In($"mine/{RecipeSchema.FileName}")));
        var run = Vaccine.Run("run", recipe, "--out", _tiny.In("run"), "--threads", "1");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.True(File.Exists(_tiny.In("run/report.html")));
    }

    [Theory]
    [InlineData("--data", "--model", "model")]
    [InlineData("--model", "--data", "safe.json")]
    public void What_is_missing_is_asked_for(string missing, string option, string file)
    {
        var outcome = Vaccine.Run("init", option, _tiny.In(file));
        Assert.Equal(2, outcome.Code);
        Assert.Contains(missing, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_no_known_kind_are_named_by_their_fields()
    {
        _tiny.Write("odd.jsonl", """{"left": "a", "right": "b"}""");
        var outcome = Vaccine.Run("init", "--model", _tiny.In("model"), "--data", _tiny.In("odd.jsonl"));
        Assert.Equal(2, outcome.Code);
        Assert.Contains("left, right", outcome.Error, StringComparison.Ordinal);
        Assert.Contains("--task", outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_is_written_over()
    {
        string recipe = _tiny.Write("mine.json", "mine");
        Assert.Equal(2, Vaccine.Run("init", "--preset", "demo", "--out", recipe).Code);
        Assert.Equal("mine", File.ReadAllText(recipe));
    }

    [Fact]
    public void The_schema_is_printed_and_written()
    {
        Assert.Equal(RecipeSchema.Text, Vaccine.Run("schema").Out);
        Assert.Equal(0, Vaccine.Run("schema", "--out", _tiny.In("schemas")).Code);
        Assert.Equal(RecipeSchema.Text, File.ReadAllText(_tiny.In($"schemas/{RecipeSchema.FileName}")));
    }
}
