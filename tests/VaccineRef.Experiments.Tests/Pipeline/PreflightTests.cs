using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Testing;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>What is said of a recipe before it runs.</summary>
public sealed class PreflightTests : IDisposable
{
    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void Rows_are_counted_as_they_are_found_and_left_out()
    {
        var forecast = Forecast("attack.data.benign.count=5", "attack.data.sampling=shuffled");
        PlannedRows Of(string stage, string role) =>
            Assert.Single(forecast.Data, row => row.Stage == stage && row.Role == role);
        Assert.Equal((6, 6, 6), Counts(Of("alignment", "alignment")));
        Assert.Equal((4, 2, 2), Counts(Of("attack", "harmful")));
        Assert.Equal((9, 2, 2), Counts(Of("attack", "benign")));
        Assert.Equal(2, Of("attack", "benign").HeldOut);
        Assert.Equal(4, Of("attack", "benign").LeftOut);

        static (int, int, int) Counts(PlannedRows rows) => (rows.Found, rows.Drawn, rows.Used);
    }

    /// <summary>
    /// Trials that are gone through together share what they have in common; each finds what it finds alone.
    /// </summary>
    [Fact]
    public void What_trials_share_changes_nothing()
    {
        var worlds = TinyGrid.Grid().With([3, 4]).Trials();
        var files = new ExperimentGrid(
            RecipeFormat.Standard.Read(
                _tiny.Recipe, ["""grid={"attack.training.batch_size":[1,2],"max_length":[320,400],"seed":"3-4"}"""]),
            RecipeFormat.Standard).Trials();
        foreach (var (trials,
            folder) in ((IReadOnlyList<Trial>, string)[])[(worlds, "."), (files, Path.GetDirectoryName(_tiny.Recipe)!)])
        {
            var together = Preflight.Require(trials, new DataFiles(folder));
            foreach (var (trial, found) in trials.Zip(together.Trials))
            {
                var alone = Assert.Single(Preflight.Require([trial], new DataFiles(folder)).Trials);
                Assert.Equal(Text(alone.Data), Text(found.Data));
                Assert.Equal(
                    alone.Stages.Select(
                        stage => (stage.Stage, stage.Rows, stage.Tokens, stage.Steps, string.Join(' ', stage.Cut))),
                    found.Stages.Select(
                        stage => (stage.Stage, stage.Rows, stage.Tokens, stage.Steps, string.Join(' ', stage.Cut))));
            }
        }

        // what is known of a stage from another trial is not read again, so that only the rest is told of
        static string Text(DataManifest manifest) => string.Join(
            '\n', manifest.Stages.Where(stage => stage.Name.Contains("evaluation", StringComparison.Ordinal))
                .Select(stage => $"{stage.Name} {stage.Sha256}"));
    }

    [Fact]
    public void Rows_that_are_cut_or_dropped_are_named()
    {
        _tiny.Write("safe.json", $$"""
            [{"instruction": "a", "output": "b"}, {"instruction": "a", "output": "{{new string('b', 400)}}"},
             {"instruction": "{{new string('a', 400)}}", "output": "b"}]
            """);
        var alignment = Assert.Single(Forecast().Planned, stage => stage.Stage == "alignment");
        Assert.Equal((1, 1), (alignment.Cut, alignment.Dropped));
        Assert.Equal(["safe.json:2"], alignment.CutRows);
        Assert.Equal(["safe.json:3"], alignment.DroppedRows);
    }

    /// <summary>
    /// What is needed grows with the batch, and falls where blocks are computed again or weights are kept in bfloat16.
    /// </summary>
    [Fact]
    public void Needs_follow_the_settings()
    {
        long Peak(params string[] set) =>
            Forecast([.. set, "evaluation=null"]).Planned.Single(stage => stage.Stage == "alignment").PeakBytes;
        long plain = Peak();
        Assert.InRange(Peak("alignment.training.batch_size=6"), plain + 1, 3 * plain);
        Assert.InRange(Peak("alignment.training.recompute=true"), 1, plain - 1);
        Assert.InRange(Peak("model.weights=bf16"), 1, plain - 1);
        Assert.InRange(Peak("precision=double"), (long)(1.7 * plain), 2 * plain);
        Assert.InRange(Peak("alignment.rule={\"kind\":\"plain\"}"), 1, plain - 1);
    }

    [Fact]
    public void Disk_is_what_is_written()
    {
        var forecast = Forecast("alignment.adapter=null");
        using var device = new CpuDevice(threads: 1);
        var grid = Grid("alignment.adapter=null");
        var plan = new StagePlan(grid.Trials(), RecipeFormat.Standard, new DataFiles(_tiny.Folder), "cpu");
        ExperimentRun.Run(plan, StageStore.Run(_tiny.In("run")), [device], _ => { }, default);
        long written = Directory.GetFiles(_tiny.In("run"), "*.safetensors", SearchOption.AllDirectories)
            .Sum(file => new FileInfo(file).Length);
        const int Header = 16 << 10;                 // names and shapes
        Assert.InRange(written, forecast.DiskBytes, forecast.DiskBytes + Header);
    }

    [Fact]
    public void Tensors_that_are_missing_are_found_without_reading_one()
    {
        var config = File.ReadAllText(_tiny.In("model/config.json"));
        _tiny.Write(
            "model/config.json",
            config.Replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3", StringComparison.Ordinal));
        var problem = Assert.Single(Preflight.Of(Grid().Trials(), new DataFiles(_tiny.Folder)).Problems);
        Assert.Equal("model", problem.Key);
    }

    [Fact]
    public void A_problem_of_many_trials_is_said_once_with_the_key_it_belongs_to()
    {
        var trials = Grid("grid={\"seed\":\"1-4\"}", "alignment.data.count=7").Trials();
        var error = Assert.Throws<PlanException>(() => Preflight.Require(trials, new DataFiles(_tiny.Folder)));
        var problem = Assert.Single(error.Problems);
        Assert.Equal("alignment.data", problem.Key);
        Assert.Contains("safe.json", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A stage that several cells share is wrong in each of them, though it is gone through once.</summary>
    [Fact]
    public void What_is_wrong_with_a_shared_stage_is_wrong_with_every_cell()
    {
        _tiny.Write(
            "safe.json",
            $$"""[{"instruction": "a", "output": "b"}, {"instruction": "a", "output": "{{new string('b', 900)}}"}]""");
        var found = Preflight.Of(Grid("max_length=700", "evaluation=null",
            "grid={\"attack.data.samples\":[2,4]}").Trials(), new DataFiles(_tiny.Folder));
        Assert.Equal((0, 2), (found.Sound.Count, found.Failed.Count));
        Assert.Equal("alignment.data", Assert.Single(found.Problems).Key);
    }

    [Fact]
    public void Cells_with_which_nothing_is_wrong_are_told_from_the_others()
    {
        var found = Preflight.Of(
            Grid("grid={\"attack.data.samples\":[4,400],\"seed\":\"1-2\"}").Trials(), new DataFiles(_tiny.Folder));
        Assert.Equal(
            [(1UL, 4), (2UL, 4)],
            found.Sound.Select(trial => (trial.Seed, ((MixtureOptions)trial.Recipe.Attack!.Data).Samples)));
        Assert.Equal([1UL, 2UL], found.Failed.Select(each => each.Trial.Seed));
        Assert.All(
            found.Trials,
            trial => Assert.Contains(trial.Stages, stage => stage.Needs is not null || trial != found.Trials[0]));
    }

    private ExperimentGrid Grid(params string[] set) =>
        new(RecipeFormat.Standard.Read(_tiny.Recipe, set), RecipeFormat.Standard);

    private RunForecast Forecast(params string[] set)
    {
        var trials = Grid(set).Trials();
        var files = new DataFiles(_tiny.Folder);
        var preflight = Preflight.Require(trials, files);
        return RunForecast.Of(
            "tiny", new StagePlan(trials, RecipeFormat.Standard, files, "cpu"), preflight,
            keepsEverything: trials.Count == 1);
    }
}
