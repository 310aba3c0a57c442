using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Testing;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>Recipes on a model folder and data files.</summary>
public sealed class RecipeRunTests : IDisposable
{
    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_run_measures_the_model_as_it_is_given_and_after_every_stage()
    {
        var report = Run("run");
        var trial = Assert.Single(report.Trials);
        Assert.Equal(["model", "alignment", "attack"], trial.Stages.Select(stage => stage.Name));
        Assert.Equal(("Vaccine, rho = 0.5", "attack", "model"), (trial.Condition, trial.Attack, trial.Model));
        var measured = trial.Stages.Select(stage => report.Stages[stage.Hash].Measured!).ToArray();
        Assert.All(measured, each => Assert.Equal(8, each.Scores.Count));
        Assert.All(
            measured,
            each => Assert.True(each is { HarmfulLoss: > 0, RefusalLoss: > 0, AlignmentLoss: > 0, TaskLoss: > 0 }));
        Assert.Equal([false, false, true], measured.Select(each => each.Drift is not null));
        Assert.Equal((2, 2), (report.Alignment(trial)!.Cost!.Steps, report.Attacked(trial)!.Cost!.Steps));
        Assert.Equal(2, File.ReadAllLines(_tiny.In("run/attack/steps.jsonl")).Length);
    }

    [Fact]
    public void A_grid_finds_what_a_run_of_each_of_its_trials_finds()
    {
        string[] set =
        [
            """grid={"method":{"SFT":{"alignment.rule":{"kind":"plain"}},"Vaccine":{},"guarded":{"attack.mixed_in":{"from":"alignment","count":2}}},"attack.data.harmful_ratio":[0,0.5],"seed":"7-8"}""",
            "evaluation.curve_points=2",
        ];
        var grid = Run("grid", set);
        Assert.Equal(12, grid.Trials.Count);
        Assert.Empty(grid.Failures);
        foreach (var trial in Trials(set))
        {
            var run = Plan([trial]);
            var outcome = Compute(run, StageStore.Run(_tiny.In($"run {trial.Condition} {trial.Attack} {trial.Seed}")));
            Assert.All(run.Nodes, node => Assert.Equal(
                JsonSerializer.Serialize(grid.Stages[node.Hash] with { Times = null }),
                JsonSerializer.Serialize(outcome.Results[node.Hash] with { Times = null })));
        }
    }

    [Theory]
    [InlineData("attack.adapter={\"kind\":\"same\"}")]
    [InlineData("alignment.adapter=null")]
    [InlineData("alignment.adapter=null", "attack.adapter=null")]
    [InlineData("precision=double")]
    [InlineData("model.weights=bf16")]
    [InlineData("attack.rule={\"kind\":\"vaccine\",\"rho\":0.1}", "alignment.objective={\"kind\":\"kl\",\"lambda\":0.1}")]
    public void A_stage_goes_on_from_what_is_kept_as_from_what_is_in_memory(params string[] set)
    {
        var whole = Run("whole", set);
        // the attack is computed anew from the alignment that was kept
        Directory.Delete(_tiny.In("whole/attack"), recursive: true);
        var again = Run("whole", set);
        Assert.Equal(JsonSerializer.Serialize(whole.WithoutTimes()), JsonSerializer.Serialize(again.WithoutTimes()));
        Assert.NotNull(whole.Attacked(whole.Trials[0])!.Measured);
    }

    [Theory]
    [InlineData("alignment.rule={\"kind\":\"plain\"}")]
    [InlineData("attack.objective={\"kind\":\"ewc\",\"lambda\":10}")]
    [InlineData("attack.objective={\"kind\":\"ewc\",\"lambda\":10,\"variant\":\"as_released\"}")]
    [InlineData("attack.objective={\"kind\":\"kl\",\"lambda\":0.1}")]
    [InlineData("attack.objective={\"kind\":\"kl\",\"lambda\":0.1,\"variant\":\"as_released\"}")]
    [InlineData("attack.mixed_in={\"from\":\"alignment\",\"count\":2}")]
    [InlineData("alignment.rule.dropout=fresh")]
    [InlineData("attack.adapter.alpha=3")]
    [InlineData("attack.training.learning_rate=1e-2")]
    public void Every_choice_changes_what_is_trained(string set)
    {
        var plain = Run("plain", "attack.training.max_steps=6");
        var changed = Run("changed", "attack.training.max_steps=6", set);
        Assert.NotEqual(
            plain.Attacked(plain.Trials[0])!.Measured!.AlignmentLoss,
            changed.Attacked(changed.Trials[0])!.Measured!.AlignmentLoss);
    }

    [Fact]
    public void The_name_of_a_stage_is_the_name_of_its_random_stream_and_of_nothing_else()
    {
        string renamed = TinyExperiment.RecipeText.Replace(
            "\"name\": \"alignment\"", "\"name\": \"align\"", StringComparison.Ordinal);
        _tiny.Write("recipe.json", renamed);
        var other = Run("other");
        Assert.Equal(["model", "align", "attack"], other.Trials[0].Stages.Select(stage => stage.Name));
        Assert.NotNull(other.Attacked(other.Trials[0])!.Measured!.Drift);
    }

    [Theory]
    [InlineData("attack.adapter.targets=[\"nothing\"]", "target")]
    [InlineData("alignment.data.path=none.json", "none.json")]
    [InlineData("attack.data.samples=400", "too few")]
    [InlineData("attack.mixed_in={\"from\":\"alignment\",\"count\":50}", "too few")]
    [InlineData("evaluation.harmful.path=none.jsonl", "none.jsonl")]
    [InlineData("evaluation.judge={\"kind\":\"moderation\",\"path\":\"none\"}", "none")]
    [InlineData("model.path=none", "none")]
    public void What_is_wrong_is_found_before_anything_is_trained(string set, string says)
    {
        var trials = Trials([set]);
        var error = Assert.Throws<PlanException>(() => Preflight.Require(trials, new DataFiles(_tiny.Folder)));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stage_that_is_skipped_is_not_run_and_its_data_is_still_measured_on()
    {
        var report = Run("run", "alignment.skip=true");
        var trial = report.Trials[0];
        Assert.Equal(["model", "attack"], trial.Stages.Select(stage => stage.Name));
        Assert.Equal(("not aligned", null), (trial.Condition, trial.AlignedIn));
        Assert.Null(trial.Converged);
        Assert.NotNull(report.Attacked(trial)!.Measured!.AlignmentLoss);
    }

    [Fact]
    public void A_recipe_without_an_evaluation_measures_nothing_and_trains()
    {
        var report = Run("run", "evaluation=null");
        Assert.All(report.Stages.Values, stage => Assert.Null(stage.Measured));
        Assert.Equal(2, report.Attacked(report.Trials[0])!.Cost!.Steps);
    }

    [Fact]
    public void A_hash_knows_the_bytes_of_every_file_and_not_where_they_lie()
    {
        string[] before = Hashes();
        foreach (string file in (string[])["safe.json", "asked.jsonl", "model/config.json"])
        {
            string text = File.ReadAllText(_tiny.In(file));
            File.WriteAllText(_tiny.In(file), text + " ");
            Assert.Empty(before.Intersect(Hashes()));
            File.WriteAllText(_tiny.In(file), text);
        }

        string attacked = File.ReadAllText(_tiny.In("unwanted.jsonl"));
        File.WriteAllText(_tiny.In("unwanted.jsonl"), attacked + "\n");
        Assert.Equal(before[..2], Hashes()[..2]);
        Assert.NotEqual(before[2], Hashes()[2]);
        File.WriteAllText(_tiny.In("unwanted.jsonl"), attacked);
        Directory.CreateDirectory(_tiny.In("elsewhere"));
        File.Copy(_tiny.In("safe.json"), _tiny.In("elsewhere/other.json"));
        Assert.Equal(before, Hashes("alignment.data.path=elsewhere/other.json"));
    }

    private string[] Hashes(params string[] set) => [.. Plan(Trials(set)).Chains[0].Select(node => node.Hash)];

    private IReadOnlyList<Trial> Trials(string[] set) =>
        new ExperimentGrid(RecipeFormat.Standard.Read(_tiny.Recipe, set), RecipeFormat.Standard).Trials();

    private StagePlan Plan(IReadOnlyList<Trial> trials) =>
        new(trials, RecipeFormat.Standard, new DataFiles(_tiny.Folder), "cpu");

    private static RunOutcome Compute(StagePlan plan, StageStore store)
    {
        using var device = new CpuDevice(threads: 1);
        return ExperimentRun.Run(plan, store, [device], _ => { }, default);
    }

    private ExperimentReport Run(string folder, params string[] set)
    {
        var grid = new ExperimentGrid(RecipeFormat.Standard.Read(_tiny.Recipe, set), RecipeFormat.Standard);
        var plan = Plan(grid.Trials());
        var data = Preflight.Require(plan.Trials, plan.Files).Data;
        var outcome = Compute(
            plan, plan.Trials.Count == 1 ? StageStore.Run(_tiny.In(folder)) : StageStore.Cache(_tiny.In(folder)));
        if (outcome.Failures is [var failure, ..])
            throw failure.Error;
        Assert.All(
            outcome.Results.Values,
            result => Assert.Equal(result.Curve.Count > 0, result.Curve is [{ Measured.Scores.Count: > 0 }, ..]));
        return ExperimentReport.Of(grid, plan, outcome, data, RecipeFormat.Standard, null);
    }
}
