using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Runs;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Experiments.Tests.Runs;

public sealed class ExperimentTests : IDisposable
{
    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void A_report_is_read_back_as_it_was()
    {
        var report = Run("run", _ => { });
        Assert.Equal(report.ToJson(), RunReport.Read(_tiny.In("run")).ToJson());
        Assert.False(report.Interrupted);
        Assert.Equal("llama, 3056 parameters", report.Model);
        Assert.Equal(["vaccine", "plain"], report.Stages.Select(stage => stage.Rule));
        Assert.All(report.Stages, stage => Assert.Equal((2, 2), (stage.Report.Steps, stage.Report.PlannedSteps)));
        Assert.All(report.Measurements, measured => Assert.Equal(8, measured.Scores.Count));
        Assert.Equal([false, false, true], report.Measurements.Select(measured => measured.Drift is not null));
    }

    [Fact]
    public void A_recipe_that_was_written_gives_the_same_run()
    {
        var first = Run("run", _ => { });
        var again = RecipeReader.Read(Path.Combine(_tiny.In("run"), RunFolder.Recipe));
        using var device = new CpuDevice(threads: 1);
        var second = new Experiment<float>(again, _tiny.Folder, device, _ => { }).Run(_tiny.In("again"), default);
        Assert.Equal(first.Measurements.Select(m => m.AlignmentLoss), second.Measurements.Select(m => m.AlignmentLoss));
        Assert.Equal(
            File.ReadAllBytes(_tiny.In("run/attacked-adapter/adapter_model.safetensors")),
            File.ReadAllBytes(_tiny.In("again/attacked-adapter/adapter_model.safetensors")));
    }

    [Theory]
    [InlineData("evaluation, base", 0, 0)]
    [InlineData("alignment", 1, 1)]
    [InlineData("evaluation, aligned", 1, 1)]
    [InlineData("attack", 2, 2)]
    public void A_cancelled_run_writes_what_it_has(string stage, int stages, int measured)
    {
        using var source = new CancellationTokenSource();
        var report = Run("run", at =>
        {
            if (at.Stage == stage)
                source.Cancel();
        }, source.Token);
        Assert.True(report.Interrupted);
        Assert.Equal((stages, measured), (report.Stages.Count, report.Measurements.Count));
        Assert.Equal(report.ToJson(), RunReport.Read(_tiny.In("run")).ToJson());
        Assert.Equal(report.Stages.Sum(trained => trained.Report.Steps), File.ReadAllLines(_tiny.In("run/steps.jsonl")).Length);
        Assert.Equal(stages >= 1, Directory.Exists(_tiny.In("run/aligned-adapter")));
        Assert.Equal(stages >= 2, Directory.Exists(_tiny.In("run/attacked-adapter")));
    }

    [Fact]
    public void A_gradient_that_is_no_number_names_step_place_and_rows()
    {
        var error = Assert.Throws<NonFiniteException>(() => Run(
            "run", _ => { }, default, "alignment.training.learning_rate=1e30", "alignment.training.warmup_ratio=0", "alignment.lora=null"));
        Assert.Equal(2, error.Step);
        Assert.NotNull(error.First);
        Assert.Equal(2, error.Batch.Count);
        Assert.All(error.Batch, id => Assert.StartsWith("safe.json", id));
    }

    [Fact]
    public void What_the_attack_lacks_is_found_before_the_alignment()
    {
        Assert.Throws<InputException>(() => Run("run", _ => { }, default, "attack.lora.targets=[\"nothing\"]"));
        Assert.False(Directory.Exists(_tiny.In("run")));
    }

    [Fact]
    public void A_run_that_did_nothing_leaves_nothing()
    {
        Assert.Throws<InputException>(() => Run("run", _ => { }, default, "evaluation.harmful_tokens=5000"));
        Assert.False(Directory.Exists(_tiny.In("run")));
    }

    [Fact]
    public void A_stage_left_out_is_not_run()
    {
        var report = Run("run", _ => { }, default, "alignment=null", "evaluation={}");
        Assert.Equal(["attack"], report.Stages.Select(stage => stage.Stage));
        Assert.Equal("not aligned", report.Method);
        Assert.All(report.Measurements, measured => Assert.Null(measured.AlignmentLoss));
    }

    [Fact]
    public void The_attacked_model_loads_and_is_what_was_measured()
    {
        Run("run", _ => { }, default, "alignment.lora=null", "attack.adapter=none");
        using var device = new CpuDevice(threads: 1);
        using var model = LanguageModel.Load<float>(_tiny.In("run/attacked"), device);
        Assert.NotNull(TextTokenizer.Load(_tiny.In("run/attacked")).EosId);
    }

    /// <summary>D1: alpha / r is 1/2 at the paper's time and 1/8 as the released scripts run it, for r = 8.</summary>
    [Fact]
    public void The_released_alpha_is_another_scale_and_trains_another_adapter()
    {
        double Trained(string variant, out double alpha)
        {
            string lora = $"alignment.lora={{\"variant\":\"{variant}\",\"dropout\":0}}";
            alpha = RecipeReader.Read(_tiny.Recipe, lora).Alignment!.Lora!.Alpha;
            return Run(variant, _ => { }, default, lora).Measurements[1].AlignmentLoss!.Value;
        }

        double paper = Trained("paper", out double first), released = Trained("as_released", out double second);
        Assert.Equal((4, 1), (first, second));
        Assert.NotEqual(paper, released);
        Assert.Equal(3, RecipeReader.Read(_tiny.Recipe, "attack.lora={\"variant\":\"as_released\",\"alpha\":3}").Attack!.Lora.Alpha);
    }

    /// <summary>D7: the default perturbs the network that eps was computed for; fresh masks, as released, perturb another.</summary>
    [Fact]
    public void Fresh_dropout_in_the_second_pass_is_by_name()
    {
        double? Aligned(string folder, params string[] set) => Run(folder, _ => { }, default, set).Measurements[1].AlignmentLoss;
        double? named = Aligned("shared", "alignment.method.dropout=shared");
        Assert.Equal(named, Aligned("default"));
        Assert.NotEqual(named, Aligned("fresh", "alignment.method.dropout=fresh"));
    }

    private RunReport Run(string folder, Action<RunProgress> progress, CancellationToken cancel = default, params string[] set)
    {
        using var device = new CpuDevice(threads: 1);
        var recipe = RecipeReader.Read(_tiny.Recipe, set);
        return new Experiment<float>(recipe, _tiny.Folder, device, progress).Run(_tiny.In(folder), cancel);
    }
}
