using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Tests.Pipeline;

namespace VaccineRef.Experiments.Tests.Edits;

/// <summary>
/// Edits as stages of a recipe: they find the weights of earlier stages by name, and are the end that is reported.
/// </summary>
public sealed class EditStageTests
{
    private const string After =
        """{ "kind": "scale_residual_stream", "name": "lengthen", "skip": true, "factor": 1.1 },""";

    private static readonly string Text = TinyGrid.Text
        .Replace(After, After + """
            { "kind": "lox", "name": "extrapolate", "skip": true, "base": "base", "aligned": "align", "rank": 2 },
            """, StringComparison.Ordinal)
        .Replace("],\n  \"evaluation\"", """
            , { "kind": "safe_lora", "name": "project", "skip": true, "base": "base", "aligned": "align", "layers": 3 },
              { "kind": "antidote", "name": "prune", "skip": true, "harmful": { "kind": "world_harmful", "count": 8 }, "ratio": 0.1 }
            ],
            "evaluation"
            """, StringComparison.Ordinal);

    private static readonly string Methods = """
        grid={ "method": { "SFT": {}, "LoX": { "extrapolate.skip": false }, "SafeLoRA": { "project.skip": false },
          "Antidote": { "prune.skip": false }, "both": { "project.skip": false, "prune.skip": false } }, "seed": "3" }
        """.ReplaceLineEndings(" ");

    private static ExperimentGrid Grid(params string[] set) =>
        new(RecipeFormat.Standard.Parse(Text, "tiny", [Methods, "report.primary=LoX", .. set]), RecipeFormat.Standard);

    [Fact]
    public void Every_edit_runs_is_counted_and_is_what_the_end_is_measured_of()
    {
        using TinyGrid one = new(), two = new();
        var report = one.Run(1, Grid());
        Assert.Empty(report.Failures);
        string Written(ExperimentReport each) => string.Join(
            '\n', each.WithoutTimes().Stages.OrderBy(stage => stage.Key)
                .Select(stage => JsonSerializer.Serialize(stage.Value)));
        Assert.Equal(Written(report), Written(two.Run(2, Grid())));
        var (sft, trials) = (report.Trials[0], report.Trials.ToDictionary(trial => trial.Condition));
        Assert.Null(report.Attacked(sft)!.Edit);
        (string, string[])[] edited =
            [("LoX", ["extrapolate"]), ("SafeLoRA", ["project"]), ("Antidote", ["prune"]),
                ("both", ["project", "prune"])];
        foreach (var (condition, stages) in edited)
        {
            var trial = trials[condition];
            foreach (string stage in stages)
                Assert.InRange(report.Find(trial, stage)!.Edit!.Changed, 1, report.Find(trial, stage)!.Edit!.Numbers);
            string last = trial.Stages[^1].Name;
            Assert.Same(report.Find(trial, last)!.Measured, report.Attacked(trial)!.Measured);
            Assert.NotEqual(
                report.Attacked(sft)!.Measured!.AlignmentLoss, report.Attacked(trial)!.Measured!.AlignmentLoss);
        }

        Assert.Equal(3, report.Find(trials["SafeLoRA"], "project")!.Edit!.Tensors);
        Assert.Same(report.Find(sft, "attack")!.Curve, report.Attacked(trials["Antidote"])!.Curve);
    }

    [Theory]
    [InlineData("$.stages[3]", "extrapolate.base=nowhere")]
    [InlineData("$.stages[3]", "extrapolate.aligned=attack")]
    [InlineData("$.stages[5]", "project.aligned=lengthen", "project.skip=false")]
    [InlineData("$.stages[3].factor", "extrapolate.factor=-1")]
    [InlineData("$.stages[3].rank", "extrapolate.rank=-1")]
    [InlineData("$.stages[5].threshold", "project.threshold=1.5")]
    [InlineData("$.stages[5].layers", "project.layers=-1")]
    [InlineData("$.stages[6].ratio", "prune.ratio=1.1")]
    [InlineData("$.stages[6].harmful.count", "prune.harmful.count=0")]
    [InlineData("$.world", "world=null")]
    public void What_does_not_fit_is_an_error_with_its_place(string where, params string[] set) =>
        Assert.Equal(
            where, Assert.ThrowsAny<InputException>(() => RecipeFormat.Standard.Parse(Text, "tiny", set)).Where);

    [Fact]
    public void A_plan_reads_the_data_of_an_edit_and_needs_memory_for_the_models_that_it_compares_with()
    {
        var error = Assert.ThrowsAny<InputException>(
            () => Preflight.Require(Grid("prune.harmful.count=61").Trials(), new DataFiles(".")));
        Assert.Contains("61", error.Message, StringComparison.Ordinal);
        var found = Preflight.Require(Grid().Trials(), new DataFiles("."));
        var lox = found.Trials[1].Stages.Single(stage => stage.Stage == "extrapolate").Needs!;
        Assert.True(lox.Peak >= 3 * lox.Weights);
        Assert.Contains(found.Data.Stages, stage => stage.Name == "prune.harmful");
    }

    [Theory]
    [InlineData("extrapolate.factor=0.5", 1)]
    [InlineData("extrapolate.base=model", 1)]
    [InlineData("project.rank=1", 2)]
    [InlineData("prune.harmful.count=9", 3)]
    public void Its_settings_are_part_of_the_hash_of_its_stage_alone(string set, int trial)
    {
        string[] Ends(params string[] more) => [.. TinyGrid.Plan(Grid(more)).Chains.Select(chain => chain[^1].Hash)];
        bool[] differ = [.. Ends().Zip(Ends(set), (a, b) => a != b)];
        Assert.Equal([false, trial == 1, trial == 2, trial == 3, trial is 2 or 3], differ);
    }
}
