using VaccineRef.Core;
using VaccineRef.Experiments.Lab;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Runs;
using VaccineRef.Reporting;
using VaccineRef.Testing;

namespace VaccineRef.Experiments.Tests.Lab;

public sealed class RecipeLabTests : IDisposable
{
    private const string Methods = """lab.methods=[{"rule":"plain"},{"rule":"random_direction","rho":0.5},{"rule":"vaccine","rho":0.5}]""";

    private static readonly string[] Grid = [Methods, "lab.harmful_ratios=[0,0.5]", "lab.least_refused=0", "lab.curve_points=2"];

    // a run measures the aligned model and remembers e beside its adapter, the lab after the merge: some roundings of 6e-8 on the way through two layers
    private const double Merged = 1e-6;

    private readonly TinyExperiment _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Theory]
    [InlineData(LabAdapters.Double)]
    [InlineData(LabAdapters.Single, "attack.adapter=same")]
    [InlineData(LabAdapters.Full, "alignment.lora=null")]
    [InlineData(LabAdapters.None, "alignment.lora=null", "attack.adapter=none")]
    [InlineData(LabAdapters.Double, """lab.defenses=[{"kind":"vlguard","count":2},{"kind":"kl","lambda":1}]""")]
    public void A_cell_finds_what_a_run_of_its_recipe_finds(LabAdapters adapters, params string[] set)
    {
        var (lab, report) = Run(set);
        Assert.Equal(adapters, lab.Adapters);
        using var device = new CpuDevice(threads: 1);
        var attacked = report.Results.Where(result => result.Cell.Attack is not null).ToArray();
        Assert.Equal(2 * report.Grid.Preset.Arms.Count, attacked.Length);
        foreach (var (i, result) in attacked.Index())
        {
            var run = new Experiment<float>(lab.Of(result.Cell), _tiny.Folder, device, _ => { }).Run(_tiny.In($"run{i}"), default);
            double aligned = result.Before!.AlignmentLoss;
            Assert.Equal(run.Measurements[1].AlignmentLoss!.Value, aligned, adapters == LabAdapters.Double ? Merged * aligned : 0);
            Assert.Equal(run.Measurements[2].AlignmentLoss, result.Measured.AlignmentLoss);
            Assert.All(run.Measurements[2].Drift!.PerLayer.Zip(result.Measured.Drift!.PerLayer), drift => Assert.Equal(
                drift.First, drift.Second, Merged * result.Measured.HiddenNorm));
            Assert.Equal(
                run.Measurements[2].Scores.Select(score => score.Numerator).Where((_, at) => at is 0 or 2 or 5 or 6 or 7),
                (int[])
                [
                    result.Measured.HarmfulScore.Count, result.Measured.CoherentHarm.Count, result.Measured.Refused.Count,
                    result.Measured.FinetuneAccuracyBegun!.Value.Count, result.Measured.FinetuneAccuracy!.Value.Count,
                ]);
        }
    }

    [Fact]
    public void A_second_run_takes_everything_from_the_cache_and_says_the_same()
    {
        var (_, first) = Run();
        int computed = 0;
        var (_, second) = Run(progress: at => computed += at.Finished is null ? 0 : 1);
        Assert.Equal((0, first.ToJson()), (computed, second.ToJson()));
        Directory.Delete(_tiny.In("cache"), recursive: true);
        Assert.Equal(first.WithoutTimes().ToJson(), Run().Report.WithoutTimes().ToJson());
    }

    [Fact]
    public void A_hash_knows_the_bytes_of_every_file_and_not_the_grid()
    {
        LabCell[] Cells(LabSettings settings) => [.. new LabGrid(RecipeGrid.Of(settings.Recipe!), [7]).Cells()];
        string[] Hashes(params string[] set) => Open(set) is var lab && RecipeGrid.Settings(lab) is var settings
            ? [.. Cells(settings).Select(cell => LabKeys.Of(settings, cell))] : [];
        string[] before = Hashes();
        Assert.Equal(before.Length, before.Distinct().Count());
        Assert.Subset(Hashes("lab.harmful_ratios=[0,0.25,0.5]").ToHashSet(), before.ToHashSet());
        string[] trained = Hashes("attack.training.learning_rate=0.5");
        Assert.Equal(before[0], trained[0]);
        Assert.NotEqual(before[2..], trained[2..]);
        foreach (string file in (string[])["safe.json", "asked.jsonl", "model/config.json"])
        {
            string text = File.ReadAllText(_tiny.In(file));
            File.WriteAllText(_tiny.In(file), text + " ");
            Assert.Empty(before.Intersect(Hashes()));
            File.WriteAllText(_tiny.In(file), text);
        }
    }

    [Fact]
    public void A_report_has_losses_beside_scores_and_no_text_of_the_data()
    {
        var (_, report) = Run(seeds: 2);
        var findings = LabReportWriter.Write(report, _tiny.In("out"));
        Assert.Contains(findings.Comparisons, each => each is { Metric: LabMetric.TaskLoss, Arm: "Vaccine, rho = 0.5" });
        Assert.Contains(findings.Verdict, sentence => sentence.StartsWith("The judge is a list of refusal phrases", StringComparison.Ordinal));
        Assert.All(report.Results, result => Assert.True(
            result.Measured is { HarmfulLoss: > 0, RefusalLoss: > 0, AlignmentLoss: > 0, TaskLoss: > 0, Other: null }));
        foreach (string name in (string[])[LabReportWriter.Html, LabReportWriter.Markdown, LabReportWriter.Json])
        {
            string page = File.ReadAllText(_tiny.In($"out/{name}"));
            Assert.Contains("safe.json", page);
            Assert.DoesNotContain(_tiny.Folder, page);
            Assert.All((string[])["How is kite", "Under tree", "was long", "I cannot help"], text => Assert.DoesNotContain(text, page));
        }
    }

    [Theory]
    [InlineData("plain among them", """lab.methods=[{"rule":"vaccine","rho":1}]""")]
    [InlineData("another method beside it", """lab.methods=[{"rule":"plain"}]""")]
    [InlineData("different methods", """lab.methods=[{"rule":"plain"},{"rule":"plain"}]""")]
    [InlineData("did you mean \"rho\"", """lab.methods=[{"rule":"vaccine","roh":1}]""")]
    [InlineData("$.lab.methods[0].tau", """lab.methods=[{"rule":"accelerated_vaccine","rho":1}]""")]
    [InlineData("$.lab.harmful_ratios", "lab.harmful_ratios=[1.5]")]
    [InlineData("too few", "lab.samples=[400]")]
    [InlineData("computes in float", "precision=double")]
    [InlineData("evaluation.harmful", "attack=null")]
    [InlineData("vaccine run has it", "attack.adapter=none")]
    public void What_makes_no_grid_is_an_error_before_anything_is_trained(string says, string set)
    {
        string message = Assert.ThrowsAny<InputException>(() => RecipeGrid.Of(Open(set))).Message;
        Assert.Contains(says, message);
    }

    private RecipeLab Open(params string[] set) => RecipeLab.Open(RecipeReader.Read(_tiny.Recipe, [.. Grid, .. set]), _tiny.Folder);

    private (RecipeLab Lab, LabReport Report) Run(string[]? set = null, int seeds = 1, Action<LabProgress>? progress = null)
    {
        var lab = Open(set ?? []);
        var settings = RecipeGrid.Settings(lab);
        var grid = new LabGrid(RecipeGrid.Of(lab), [.. Enumerable.Range(7, seeds).Select(seed => (ulong)seed)]);
        using CpuDevice one = new(threads: 1), two = new(threads: 1);
        var results = LabRun.Run(settings, grid.Cells(), new LabCache(_tiny.In("cache")), [one, two], progress ?? (_ => { }), default);
        return (lab, new(grid, settings, LabManifest.Of(settings, grid.Seeds), null, results));
    }
}
