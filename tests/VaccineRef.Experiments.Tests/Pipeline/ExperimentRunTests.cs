using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Experiments.Tests.Pipeline;

public sealed class ExperimentRunTests
{
    // an aligned model is measured beside its adapter, and attacked after the merge: some roundings of 6e-8 on the way
    // through two layers
    private const double Merged = 1e-6;

    private static readonly Lazy<string> Once = new(() =>
    {
        using var tiny = new TinyGrid();
        return Json(tiny.Run(workers: 1));
    });

    [Fact]
    public void The_same_grid_gives_the_same_bits_on_any_number_of_workers()
    {
        using var tiny = new TinyGrid();
        Assert.Equal(Once.Value, Json(tiny.Run(workers: 3)));
    }

    [Fact]
    public void A_stage_that_all_others_wait_for_has_all_threads_and_changes_no_bit()
    {
        using var tiny = new TinyGrid();
        using var team = new CpuDevice(3);
        Assert.Equal(Once.Value, Json(tiny.Run(workers: 2, together: team)));
        using var unused = new TinyGrid();
        team.Dispose();
        Assert.Throws<ObjectDisposedException>(() => unused.Run(workers: 2, together: team));
        // two models: neither is alone. It ends with the first of them, for the last stage of all may well be alone
        using var stop = new CancellationTokenSource();
        var begun = unused.Run(
            workers: 2, TinyGrid.Grid().With([3, 4]), at => Stop(at, stop), together: team, cancel: stop.Token);
        Assert.NotEmpty(begun.Stages);
        static void Stop(RunProgress at, CancellationTokenSource stop)
        {
            if (at.Finished is not null)
                stop.Cancel();
        }
    }

    [Fact]
    public void Stages_with_the_most_work_behind_them_come_first()
    {
        using var tiny = new TinyGrid();
        var order = new List<StageNode>();
        // SFT's chain is the longest where an edit stands between it and an attack: here none does
        var grid = TinyGrid.Grid("""grid={"align.rule":[{"kind":"plain"},{"kind":"vaccine","rho":0.5}],"seed":"3"}""");
        tiny.Run(workers: 1, grid, at => order.AddRange(at.Finished is var (stage, _) ? [stage] : []));
        Assert.Contains("vaccine", RuleOf(order.First(stage => stage.Name == "align")));
        static string RuleOf(StageNode stage) => stage.Trial.Condition.ToLowerInvariant();
    }

    [Theory]
    [InlineData(2)]
    [InlineData(40)]
    [InlineData(90)]
    public void A_grid_that_was_stopped_goes_on_and_gives_the_same_report(int afterReports)
    {
        using var tiny = new TinyGrid();
        using var source = new CancellationTokenSource();
        int reports = 0;
        Assert.True(tiny.Run(2, progress: _ =>
        {
            if (++reports == afterReports)
                source.Cancel();
        }, cancel: source.Token).Interrupted);
        var first = default(RunProgress?);
        Assert.Equal(Once.Value, Json(tiny.Run(2, progress: at => first ??= at)));
        Assert.True(afterReports < 20 || first!.Value.Kept > 0);
    }

    [Fact]
    public async Task Whoever_keeps_a_model_second_takes_the_one_that_is_there()
    {
        using var tiny = new TinyGrid();
        var store = StageStore.Cache(tiny.Folder);
        using var device = new CpuDevice(1);
        foreach (var node in TinyGrid.Plan(TinyGrid.Grid()
            .With([.. Enumerable.Range(0, 10).Select(seed => (ulong)seed)])).Nodes.Where(node => node.Name == "base"))
        {
            using var start = new Barrier(4);
            await Task.WhenAll(Enumerable.Range(0, start.ParticipantCount).Select(_ => Task.Factory.StartNew(() =>
            {
                using var model = store.Load<float>(node.Parent!, ".", device);
                start.SignalAndWait();
                store.Keep(node, model);
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));
            store.Load<float>(node, ".", device).Dispose();
        }

        Assert.Equal(11, Directory.EnumerateFileSystemEntries(tiny.Folder).Count());
        Assert.DoesNotContain(
            Directory.EnumerateFileSystemEntries(tiny.Folder, "*.tmp", SearchOption.AllDirectories), _ => true);
    }

    [Fact]
    public void What_is_kept_is_not_computed_again_and_an_extended_grid_computes_what_is_new()
    {
        using var tiny = new TinyGrid();
        var report = tiny.Run(2);
        int finished = 0, kept = 0;
        var again = tiny.Run(1, progress: at => (finished, kept) = (finished + (at.Finished is null ? 0 : 1), at.Kept));
        Assert.Equal((0, report.Stages.Count), (finished, kept));
        // times too: they are those of the computation
        Assert.Equal(JsonSerializer.Serialize(report), JsonSerializer.Serialize(again));

        tiny.Run(2, TinyGrid.Grid(
            "grid={\"seed\":\"3\"}", "align.rule={\"kind\":\"vaccine\",\"rho\":0.5}", "attack.data.samples=30"),
            at => finished += at.Finished is null ? 0 : 1);
        Assert.Equal(1, finished);
    }

    [Fact]
    public void A_kept_stage_that_is_damaged_or_altered_is_an_error_that_names_it()
    {
        using var tiny = new TinyGrid();
        string hash = tiny.Run(2).Trials[^1].Stages[^1].Hash;
        string file = Path.Combine(tiny.Folder, hash, "result.json"), text = File.ReadAllText(file);
        foreach (string damaged in (string[])[text[..50],
            text.Replace(hash, new string('0', 64), StringComparison.Ordinal), "null", "{}"])
        {
            File.WriteAllText(file, damaged);
            Assert.Contains(hash, Assert.Throws<InputException>(() => tiny.Run(2)).Message);
        }

        File.Delete(file);
        Assert.Equal(Once.Value, Json(tiny.Run(2)));
    }

    [Fact]
    public void A_kept_stage_whose_answers_are_gone_is_measured_again()
    {
        using var tiny = new TinyGrid();
        string hash = tiny.Run(2).Trials[^1].Stages[^1].Hash, file = Path.Combine(tiny.Folder, hash, "answers.jsonl");
        byte[] answers = File.ReadAllBytes(file);
        File.Delete(file);
        Assert.Equal(Once.Value, Json(tiny.Run(2)));
        Assert.Equal(answers, File.ReadAllBytes(file));
    }

    [Fact]
    public void A_cache_of_an_earlier_version_is_refused()
    {
        using var tiny = new TinyGrid();
        Directory.CreateDirectory(Path.Combine(tiny.Folder, "cells"));
        Assert.Contains("earlier version", Assert.Throws<InputException>(() => tiny.Run(1)).Message);
        Directory.Delete(Path.Combine(tiny.Folder, "cells"));
        File.WriteAllText(Path.Combine(tiny.Folder, "store.json"), """{"schema": "vaccine-store/0"}""");
        Assert.Contains("another version", Assert.Throws<InputException>(() => tiny.Run(1)).Message);
    }

    [Fact]
    public void A_trial_holds_everything_that_was_asked_of_it()
    {
        using var tiny = new TinyGrid();
        var report = tiny.Run(2);
        Assert.Equal(
            TinyGrid.Grid().Trials().Select(trial => (trial.Condition, trial.Attack)),
            report.Trials.Select(trial => (trial.Condition, trial.Attack)));
        Assert.All(report.Trials, trial =>
        {
            Assert.Equal(trial.Condition == "Non-Aligned", trial.Converged is null);
            var (aligned, attacked) = (report.Aligned(trial)!, report.Attacked(trial)!);
            foreach (var stage in (StageResult[])[aligned, attacked])
            {
                var measured = stage.Measured!;
                Assert.Equal(
                    12, new[] { Metrics.CoherentHarm, Metrics.Refusals, Metrics.OtherAnswers }
                        .Sum(metric => measured.Find(metric)!.Numerator));
                Assert.True(measured.LenientAccuracy!.Numerator >= measured.Accuracy!.Numerator);
                Assert.True(double.IsFinite(
                    measured.HarmfulLoss!.Value + measured.TaskLoss!.Value + measured.RefusalLoss!.Value
                        + measured.AlignmentLoss!.Value));
                Assert.True(measured.HiddenNorm > 0);
                Assert.True(double.IsFinite(measured.Sharpness!.Value) && measured.Sharpness.Value != 0);
                Assert.Equal(stage == attacked, measured.Drift is not null);
                Assert.Equal(stage == attacked, measured.DriftGeometry is { Cosine: not null });
                Assert.Equal(stage == attacked, stage.Projection is not null);
            }

            int steps = trial.Condition == "guarded" ? 10 : 8;
            Assert.Equal(
                (int[])[0, .. Enumerable.Range(1, 3).Select(i => steps * i / 3)],
                attacked.Curve.Select(point => point.Step));
            Assert.Equal(steps, attacked.Cost!.Steps);
        });
    }

    [Fact]
    public void A_curve_begins_with_the_aligned_model_and_ends_with_the_attacked_one()
    {
        using var tiny = new TinyGrid();
        var report = tiny.Run(2);
        Assert.All(report.Trials, trial =>
        {
            var (before, after) = (report.Aligned(trial)!.Measured!, report.Attacked(trial)!);
            var (first, last) = (after.Curve[0].Measured, after.Curve[^1].Measured);
            Assert.Equal(before.Find(Metrics.HarmfulScore), first.Find(Metrics.HarmfulScore));
            double merged = trial.Condition == "double" ? Merged : 0;
            Assert.Equal(before.RefusalLoss!.Value, first.RefusalLoss!.Value, merged * before.RefusalLoss.Value);
            Assert.Equal(before.AlignmentLoss!.Value, first.AlignmentLoss!.Value, merged * before.AlignmentLoss.Value);
            Assert.Equal(0, first.Drift!.PerToken + first.Drift.PerLayer.Sum(), merged * before.HiddenNorm!.Value * 10);
            Assert.Equal(
                (after.Measured!.Find(Metrics.HarmfulScore), after.Measured.Accuracy, after.Measured.RefusalLoss,
                    after.Measured.AlignmentLoss),
                (last.Find(Metrics.HarmfulScore), last.Accuracy, last.RefusalLoss, last.AlignmentLoss));
            Assert.Equal(after.Measured.Drift!.PerLayer, last.Drift!.PerLayer);
            Assert.True(last.Drift.PerToken > 0);
        });
    }

    [Fact]
    public void Noise_in_a_random_direction_is_as_long_as_Vaccines()
    {
        using var tiny = new TinyGrid();
        var report = tiny.Run(2);
        PerturbationSize? Of(string condition) =>
            report.Alignment(report.Trials.First(trial => trial.Condition == condition))!.Perturbation;
        // the guard of 1e-7 against gradients of about 1
        Assert.Equal(Of("Vaccine")!.Norm, Of("direction")!.Norm, 1e-6);
        Assert.Null(Of("SFT"));
        Assert.InRange(Of("direction")!.Relative, 1e-6, 10);
    }

    [Fact]
    public void Passes_are_counted_and_those_that_options_foretell()
    {
        using var tiny = new TinyGrid();
        var report = tiny.Run(2);
        TrainingCost Of(string condition) =>
            report.Alignment(report.Trials.First(trial => trial.Condition == condition))!.Cost!;
        Assert.Equal((1, 1), (Of("SFT").ForwardsPerStep, Of("SFT").ReversesPerStep));
        Assert.Equal((2, 2), (Of("Vaccine").ForwardsPerStep, Of("Vaccine").ReversesPerStep));
        Assert.Equal(1.5, Of("accelerated").ForwardsPerStep);
        Assert.Equal(1, Of("random").ReversesPerStep);
        Assert.True(Of("Vaccine").PeakBytes > Of("SFT").PeakBytes);
        Assert.Equal(
            (2.0, 1.5), (new Training.VaccineOptions(1).Passes().Forwards,
                new Training.AcceleratedVaccineOptions(1, 2).Passes().Reverses));
        Assert.True(Of("double").ThroughAdapter && !Of("SFT").ThroughAdapter);
    }

    [Fact]
    public void A_trial_that_fails_fails_alone()
    {
        using var tiny = new TinyGrid();
        var report = tiny.Run(2, TinyGrid.Grid("grid={\"attack.training.learning_rate\":[1e30, 1e-3],\"seed\":\"3\"}"));
        Assert.Single(report.Failures);
        Assert.Contains("not finite", report.Failures[0]);
        Assert.Null(report.Attacked(report.Trials[0]));
        Assert.NotNull(report.Aligned(report.Trials[0])!.Measured);
        Assert.NotNull(report.Attacked(report.Trials[1])!.Measured);
    }

    private static string Json(ExperimentReport report) => JsonSerializer.Serialize(report.WithoutTimes());
}
