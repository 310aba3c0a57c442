using System.Text.Json.Nodes;
using VaccineRef.Experiments.Grid;
using VaccineRef.Testing;

namespace VaccineRef.Cli.Tests;

public sealed class GridPlanTests : IDisposable
{
    private readonly TinyCluster _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void Workers_in_any_order_leave_the_report_of_one_process()
    {
        _tiny.Plan();
        // an attack is not computed before what it begins with; whoever comes again finds it
        Assert.Equal(75, _tiny.Work("--level", "3").Code);
        int rounds = 0;
        for (int left = 3; left > 0; rounds++)
            left = Enumerable.Range(0, 3).Reverse().Count(i => _tiny.Work("--slice", $"{i}/3").Code != 0);
        Assert.InRange(rounds, 2, 4);
        var report = _tiny.Report();
        Assert.Equal((0, ""), (report.Code, report.Error));
        _tiny.RequireReportOfOneProcess();
    }

    [Fact]
    public void What_is_in_the_cache_is_not_computed_again_and_what_is_not_there_is_said()
    {
        _tiny.Plan();
        Assert.Equal((0, ""), (_tiny.Work("--level", "0").Code, _tiny.Work("--level", "1").Error));
        string[] kept = Directory.GetFiles(_tiny.In("cache"), "result.json", SearchOption.AllDirectories);
        var before = kept.Select(File.GetLastWriteTimeUtc).ToArray();
        Assert.Contains("1 stages, 1 of them kept from before", _tiny.Work("--level", "1").Out);
        Assert.Equal(before, kept.Select(File.GetLastWriteTimeUtc));
        var report = _tiny.Report();
        Assert.Equal(75, report.Code);
        Assert.Contains("4 stages are not in the cache, the first of them align (seed 5, SFT)", report.Error);
        Assert.True(_tiny.Read("out").Interrupted);
    }

    [Fact]
    public void A_stage_that_diverges_is_known_to_the_other_workers_and_stands_in_the_report_as_in_that_of_one_process()
    {
        _tiny.Set("grid", """{"attack.training.learning_rate":[1e30,1e-3],"seed":"5"}""");
        _tiny.Plan();
        Assert.Equal(
            (0, 0, 0),
            (_tiny.Work("--level", "0").Code, _tiny.Work("--level", "1").Code, _tiny.Work("--level", "2").Code));
        Assert.Equal(1, _tiny.Work("--level", "3").Code);
        Assert.Equal(1, _tiny.Work("--level", "3").Code);       // and is not computed again
        Assert.Single(Directory.GetFiles(_tiny.In("cache"), "diverged.json", SearchOption.AllDirectories));
        var report = _tiny.Report();
        Assert.Equal(1, report.Code);
        Assert.Contains("not finite", report.Error);
        _tiny.RequireReportOfOneProcess(code: 1);
    }

    [Fact]
    public void A_file_that_cannot_be_written_now_may_be_written_by_the_next_try()
    {
        _tiny.Plan();
        Assert.Equal(0, _tiny.Work("--level", "0").Code);
        string kept = Assert.Single(Directory.GetFiles(_tiny.In("cache"), "result.json", SearchOption.AllDirectories));
        File.Delete(kept);
        Directory.CreateDirectory(kept);
        Assert.Equal(75, _tiny.Work("--level", "0").Code);
        Directory.Delete(kept);
        Assert.Equal(0, _tiny.Work("--level", "0").Code);
    }

    [Fact]
    public void The_folder_of_plan_and_files_may_be_moved_and_another_file_is_refused_by_name()
    {
        using var files = new TinyExperiment();
        string plan = files.In("plan.json"), moved = Path.Combine(_tiny.In("moved"));
        Assert.Equal(0, Vaccine.Run("lab", "plan", files.Recipe, "--no-time", "-o", plan).Code);
        Copy(files.Folder, moved);
        File.AppendAllText(files.In("task.tsv"), "day 9 was long\t0\n");
        var refused = Vaccine.Run("lab", "work", plan, "--cache", _tiny.In("cache"), "--threads", "1");
        Assert.Equal(2, refused.Code);
        Assert.Contains("task.tsv", refused.Error);
        Assert.Contains("SHA-256", refused.Error);
        string there = Path.Combine(moved, "plan.json");
        Assert.Equal(0, Vaccine.Run("lab", "work", there, "--cache", _tiny.In("cache"), "--threads", "1").Code);
        Assert.Equal(
            0, Vaccine.Run("lab", "report", there, "--cache", _tiny.In("cache"), "--out", _tiny.In("out"), "--threads", "1").Code);
        // the recipe stands in the report as it was written, whatever folder the plan lies in
        Assert.Equal("safe.json", _tiny.Read("out").Recipe["stages"]![0]!["data"]!["path"]!.ToString());
    }

    [Theory]
    [InlineData("numeric_version", "3", "another version of the program")]
    [InlineData("arithmetic", "\"cuda, float32\"", "another arithmetic")]
    [InlineData("schema", "\"vaccine-grid/2\"", "vaccine-grid/1")]
    [InlineData("levels", "[]", "does not give the plan's stages")]
    [InlineData("left_out", "[0]", "does not give the plan's stages")]
    [InlineData("recipe", "{}", "key")]
    [InlineData("recipe", "null", "cannot be read")]
    public void A_plan_that_gives_other_stages_here_is_refused(string key, string value, string says)
    {
        _tiny.Plan();
        var json = JsonNode.Parse(File.ReadAllText(_tiny.In("plan.json")))!;
        json[key] = JsonNode.Parse(value);
        File.WriteAllText(_tiny.In("plan.json"), json.ToJsonString());
        var outcome = _tiny.Work();
        Assert.Equal(2, outcome.Code);
        Assert.Contains(says, outcome.Error);
        Assert.False(Directory.Exists(_tiny.In("cache")));
    }

    [Fact]
    public void A_kept_model_that_is_not_what_was_written_is_refused_until_it_is_removed()
    {
        _tiny.Plan();
        Assert.Equal((0, 0), (_tiny.Work("--level", "0").Code, _tiny.Work("--level", "1").Code));
        string weights = Directory.GetFiles(_tiny.In("cache"), "model.safetensors", SearchOption.AllDirectories)[0];
        byte[] bytes = File.ReadAllBytes(weights);
        bytes[^1] ^= 1;
        File.WriteAllBytes(weights, bytes);
        var outcome = _tiny.Work("--level", "2");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("not the one that was written", outcome.Error);
        Assert.Contains(weights, outcome.Error);
        string stage = Path.GetDirectoryName(Path.GetDirectoryName(weights))!;
        Directory.Delete(stage, recursive: true);
        Assert.Equal((75, 0), (_tiny.Work("--level", "2").Code, _tiny.Work("--level", "1").Code));

        // a model without its sums is one whose keeping was cut short: it is computed again
        File.Delete(Path.Combine(stage, "weights.sha256"));
        Assert.Equal(
            (75, 0, 0),
            (_tiny.Work("--level", "2").Code, _tiny.Work("--level", "1").Code, _tiny.Work("--level", "2").Code));
    }

    [Fact]
    public void Processes_that_compute_the_same_stages_at_once_all_succeed_and_one_result_is_kept()
    {
        _tiny.Plan();
        var processes = Enumerable.Range(0, 3).Select(_ => Vaccine.Start(
            "lab", "work", _tiny.In("plan.json"), "--cache", _tiny.In("cache"), "--threads", "1")).ToArray();
        foreach (var process in processes)
        {
            // one may go on from a checkpoint of another, and says so
            string error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.True(process.ExitCode == 0, error);
            process.Dispose();
        }

        Assert.Equal(0, _tiny.Report().Code);
        _tiny.RequireReportOfOneProcess();
        Assert.DoesNotContain(
            Directory.EnumerateFileSystemEntries(_tiny.In("cache"), "*.tmp", SearchOption.AllDirectories), _ => true);
    }

    [Theory]
    [InlineData("--slice", "2/2")]
    [InlineData("--slice", "0")]
    [InlineData("--slice", "-1/2")]
    [InlineData("--slice", "0/0")]
    [InlineData("--level", "-1")]
    [InlineData("--level", "9")]
    public void A_slice_or_a_level_that_is_not_there_is_refused(string option, string value)
    {
        _tiny.Plan();
        var outcome = _tiny.Work(option, value);
        Assert.Equal(2, outcome.Code);
        Assert.Contains(option, outcome.Error);
    }

    [Fact]
    public void Slices_are_disjoint_and_together_everything()
    {
        for (int count = 1; count <= 7; count++)
        {
            int[] all = [.. Enumerable.Range(0, 20)];
            int[] cut = [.. Enumerable.Range(0, count).SelectMany(i => GridSlice.Parse($"{i}/{count}")!.Value.Of(all))];
            Assert.Equal(all, cut.Order());
        }
    }

    [Fact]
    public void An_option_of_lab_before_one_of_its_commands_is_not_ignored()
    {
        var outcome = Vaccine.Run("lab", "--cache", "elsewhere", "work", "plan.json");
        Assert.Equal(2, outcome.Code);
        Assert.Contains("--cache stands before work", outcome.Error);
    }

    private static void Copy(string from, string to)
    {
        foreach (string path in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
    }
}
