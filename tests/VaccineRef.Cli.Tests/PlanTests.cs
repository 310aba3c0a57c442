using System.Text.Json;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

/// <summary>What can be known before the start is said before the start.</summary>
public sealed class PlanTests : IDisposable
{
    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_plan_says_what_will_be_done_and_leaves_nothing_behind()
    {
        string[] before = Directory.GetFileSystemEntries(_tiny.Folder, "*", SearchOption.AllDirectories);
        var outcome = Plan("--json");
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        Assert.Equal(before, Directory.GetFileSystemEntries(_tiny.Folder, "*", SearchOption.AllDirectories));
        var plan = JsonDocument.Parse(outcome.Out).RootElement;
        var stages = plan.GetProperty("planned").EnumerateArray().ToArray();
        Assert.Equal(["model", "alignment", "attack"], stages.Select(stage => stage.GetProperty("stage").GetString()));
        Assert.Equal([0, 2, 2], stages.Select(stage => stage.GetProperty("steps").GetInt32()));
        Assert.Equal([0, 6, 4], stages.Select(stage => stage.GetProperty("rows").GetInt32()));
        Assert.All(stages, stage => Assert.True(stage.GetProperty("seconds").GetDouble() >= 0));
        Assert.True(plan.GetProperty("peak_bytes").GetInt64() > stages[1].GetProperty("weight_bytes").GetInt64());
    }

    [Fact]
    public void What_a_plan_says_is_what_a_run_does()
    {
        var plan = JsonDocument.Parse(Plan("--json", "--no-time").Out).RootElement.GetProperty("planned");
        var run = Vaccine.Run("run", _tiny.Recipe, "--out", _tiny.In("run"), "--threads", "1");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("One run, 3 stages.", run.Out, StringComparison.Ordinal);
        foreach (var stage in plan.EnumerateArray().Skip(1))
        {
            string name = stage.GetProperty("stage").GetString()!;
            var cost = JsonDocument.Parse(File.ReadAllText(_tiny.In($"run/{name}/result.json"))).RootElement
                .GetProperty("cost");
            Assert.Equal(cost.GetProperty("steps").GetInt32(), stage.GetProperty("steps").GetInt32());
            Assert.Equal(cost.GetProperty("trained").GetInt64(), stage.GetProperty("trained").GetInt64());
            Assert.Equal(
                cost.GetProperty("tokens_per_step").GetDouble() * cost.GetProperty("steps").GetInt32(),
                stage.GetProperty("tokens").GetInt64(), 6);
            Assert.True(stage.GetProperty("peak_bytes").GetInt64() >= cost.GetProperty("peak_bytes").GetInt64());
        }
    }

    [Fact]
    public void Everything_that_is_wrong_is_said_at_once()
    {
        var outcome = Plan(
            "--set", "alignment.data.path=none.json", "--set", "evaluation.harmful.path=gone.jsonl", "--set",
            "attack.adapter.targets=[\"nothing\"]");
        Assert.Equal(2, outcome.Code);
        foreach (string part in (string[])["3 problems", "none.json", "key:      alignment.data", "gone.jsonl",
            "key:      evaluation.harmful", "key:      attack.adapter"])
            Assert.Contains(part, outcome.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_beyond_the_context_are_named_by_file_and_row_and_what_was_there_stays()
    {
        string Row(int i) =>
            $$"""{"prompt": "Where is ball {{i}}? {{new string('x', i % 2 * 600)}}", "response": "There.", "is_safe": false}""";
        _tiny.Write("asked.jsonl", string.Join('\n', Enumerable.Range(0, 30).Select(Row)));
        Directory.CreateDirectory(_tiny.In("run/empty"));
        var outcome = Vaccine.Run("run", _tiny.Recipe, "--resume", "--out", _tiny.In("run"));
        Assert.Equal(2, outcome.Code);
        foreach (string part in (string[])["asked.jsonl:2", "asked.jsonl:20", "5 more of this kind",
            "key:      evaluation"])
            Assert.Contains(part, outcome.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("asked.jsonl:3\n", outcome.Error, StringComparison.Ordinal);
        Assert.Equal([_tiny.In("run/empty")], Directory.GetFileSystemEntries(_tiny.In("run")));
    }

    [Fact]
    public void Shared_stages_are_counted_once_and_files_of_one_name_are_two()
    {
        Directory.CreateDirectory(_tiny.In("a"));
        Directory.CreateDirectory(_tiny.In("b"));
        File.Move(_tiny.In("unwanted.jsonl"), _tiny.In("a/train.jsonl"));
        _tiny.Write(
            "b/train.jsonl",
            string.Concat(Enumerable.Range(0, 4).Select(i => $$"""{"instruction": "Name day {{i}}.", "output": "Day {{i}}."}""" + "\n")));
        string[] set =
        [
            "--set", "attack.data.harmful.path=a/train.jsonl", "--set",
            "attack.data.benign={\"path\":\"b/train.jsonl\",\"task\":\"alpaca\"}", "--set",
            "attack.data.sampling=shuffled", "--set", "grid={\"attack.data.harmful_ratio\":[0,0.5],\"seed\":\"1-12\"}",
        ];
        var outcome = Plan(["--json", "--no-time", .. set]);
        Assert.Equal((0, ""), (outcome.Code, outcome.Error));
        var plan = JsonDocument.Parse(outcome.Out).RootElement;
        int Sum(string name) => plan.GetProperty(name).GetInt32();
        Assert.Equal((24, 12 + 12 + 24, 24), (Sum("trials"), Sum("stages"), Sum("shared")));
    }

    [Fact]
    public void One_cell_that_fails_does_not_end_the_others()
    {
        var outcome = Vaccine.Run(
            "run", _tiny.Recipe, "--out", _tiny.In("grid"), "--cache", _tiny.In("cache"), "--threads", "1", "--set",
            "attack.adapter=null",
            "--set", "attack.training.warmup_ratio=0", "--set", "attack.training.max_steps=4",
            "--set", "grid={\"attack.training.learning_rate\":[1e-3,1e30],\"seed\":\"1-2\"}");
        Assert.Equal(1, outcome.Code);
        Assert.Contains("is not finite", outcome.Error, StringComparison.Ordinal);
        var report = JsonDocument.Parse(File.ReadAllText(_tiny.In("grid/report.json"))).RootElement
            .GetProperty("report");
        Assert.Equal(2, report.GetProperty("failures").GetArrayLength());
        Assert.Equal(2 + 2 + 2, report.GetProperty("stages").EnumerateObject().Count());
    }

    /// <summary>
    /// What is wrong with one cell before the start is said before the start and in the report, and the others run.
    /// </summary>
    [Fact]
    public void One_cell_that_cannot_begin_does_not_end_the_others()
    {
        string[] set =
            ["--set", "grid={\"attack.data.samples\":[4,400],\"seed\":\"1-2\"}", "--threads", "1"];
        string[] where = ["--out", _tiny.In("grid"), "--cache", _tiny.In("cache")];
        var outcome = Vaccine.Run(["run", _tiny.Recipe, .. where, .. set]);
        Assert.Equal(1, outcome.Code);
        Assert.Contains("keeps 2 of 4 cells from running", outcome.Error, StringComparison.Ordinal);
        var report = JsonDocument.Parse(File.ReadAllText(_tiny.In("grid/report.json"))).RootElement
            .GetProperty("report");
        string[] failures = [.. report.GetProperty("failures").EnumerateArray().Select(each => each.GetString()!)];
        Assert.Equal(2, failures.Length);
        Assert.All(failures, failure => Assert.Contains("key:      attack.data", failure, StringComparison.Ordinal));
        int[] stages = [.. report.GetProperty("trials").EnumerateArray()
            .Select(trial => trial.GetProperty("stages").GetArrayLength())];
        Assert.Equal([3, 0, 3, 0], stages);
        Assert.Equal(2 + 2 + 2, report.GetProperty("stages").EnumerateObject().Count());
        Assert.Contains(
            "could not be computed", File.ReadAllText(_tiny.In("grid/report.md")), StringComparison.Ordinal);
        Assert.Equal(2, Plan(["--no-time", .. set[..2]]).Code);
    }

    /// <summary>What is wrong with every cell ends the command before anything is written.</summary>
    [Fact]
    public void A_problem_of_every_cell_is_an_error()
    {
        var outcome = Vaccine.Run(
            "run", _tiny.Recipe, "--out", _tiny.In("grid"), "--cache", _tiny.In("cache"), "--threads", "1",
            "--set", "grid={\"attack.data.samples\":[300,400],\"seed\":\"1-2\"}");
        Assert.Equal(2, outcome.Code);
        Assert.False(File.Exists(_tiny.In("grid/report.json")));
    }

    /// <summary>Everything that is wrong with a file is said at once, each with file, row and key.</summary>
    [Fact]
    public void Every_bad_row_is_named()
    {
        _tiny.Write(
            "unwanted.jsonl", "{\"prompt\":1}\n" + File.ReadAllText(_tiny.In("unwanted.jsonl")) + string.Concat(
                Enumerable.Repeat("{\"prompt\":2}\n", 14)));
        var outcome = Plan("--no-time");
        Assert.Equal(2, outcome.Code);
        foreach (string part in (string[])["unwanted.jsonl, row 1,",
            "unwanted.jsonl, rows 6, 7, 8, 9, 10, 11, 12, 13, 14,", "5 more rows of unwanted.jsonl"])
            Assert.Contains(part, outcome.Error, StringComparison.Ordinal);
        Assert.Equal(3, outcome.Error.Split("key:      attack.data.harmful").Length - 1);
    }

    private Outcome Plan(params string[] more) => Vaccine.Run(["plan", _tiny.Recipe, "--threads", "1", .. more]);
}
