using System.Text;
using VaccineRef.Core;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>
/// What checkpoints promise beside the bits: which one is taken, what is refused, and what is left alone.
/// </summary>
public sealed class CheckpointTests
{
    private static readonly string[] Never = ["checkpoint={\"every_minutes\":0}"],
        Two = ["checkpoint={\"every_steps\":2}"];

    [Fact]
    public void A_run_that_is_stopped_keeps_the_step_that_it_finished_and_goes_on_behind_it()
    {
        using var whole = new StoppedRun(Never);
        string expected = StoppedRun.Json(whole.Run());
        foreach (int stop in (int[])[1, 2])
        {
            using var run = new StoppedRun(Never);
            StopAfter(run, "align", stop);
            Assert.Equal([$"checkpoint-000000000{stop}.safetensors"], Checkpoints(run, "align"));
            int first = 0;
            string found = StoppedRun.Json(run.Run(threads: 2, at => first = first > 0 ? first : Running(at, "align")));
            Assert.Equal((expected, stop), (found, first));             // the step that was put back is told first
            Assert.Equal([$"stage align goes on after step {stop}"], run.Notices);
            Assert.Equal(whole.Files(), run.Files());
        }
    }

    [Fact]
    public void The_last_two_are_kept_and_a_damaged_one_is_passed_over_by_name()
    {
        using var whole = new StoppedRun();
        string expected = StoppedRun.Json(whole.Run());
        using var run = new StoppedRun();
        using (FileChanges.Watch((_, path) =>
        {
            if (path.Contains(".adapter.", StringComparison.Ordinal))
                throw new DivideByZeroException();          // dies when all steps are done
        }))
            Assert.Throws<DivideByZeroException>(() => run.Run());
        string[] kept = Checkpoints(run, "align");
        Assert.Equal(["checkpoint-0000000002.safetensors", "checkpoint-0000000003.safetensors"], kept);
        string newest = Path.Combine(run.Folder, "align", kept[1]);
        byte[] bytes = File.ReadAllBytes(newest);
        bytes[^1] ^= 1;
        File.WriteAllBytes(newest, bytes);
        Assert.Equal(expected, StoppedRun.Json(run.Run()));
        Assert.Contains(
            run.Notices, sentence => sentence.Contains(newest, StringComparison.Ordinal)
                && sentence.Contains("damaged", StringComparison.Ordinal));
        Assert.Contains("stage align goes on after step 2", run.Notices);
        Assert.Equal(whole.Files(), run.Files());
    }

    [Fact]
    public void What_computes_other_bits_is_refused_by_name_and_what_does_not_goes_on()
    {
        foreach (var (stage, set, arithmetic, says) in ((string, string[], string, string)[])
        [
            ("align", [.. Two], "cuda, float32", "arithmetic"),
            ("attack", [.. Two], "cpu 512, float32", "arithmetic"),
            ("align", [.. Two, "align.rule.rho=1"], "cpu", "recipe"),
            ("align", [.. Two, "seed=4"], "cpu", "a kept stage is not the one"),
        ])
        {
            using var run = new StoppedRun(Two);
            StopAfter(run, stage, 2);
            var before = run.Files();
            using var other = new StoppedRun(set, run.Folder);
            var error = Assert.Throws<InputException>(() => other.Run(arithmetic: arithmetic));
            Assert.Contains(says, error.Message, StringComparison.Ordinal);
            Assert.Contains("remedy:", error.Message, StringComparison.Ordinal);
            Assert.Equal(before, run.Files());
        }

        using var stopped = new StoppedRun(Two);
        StopAfter(stopped, "attack", 1);
        using var renamed = new StoppedRun([.. Never, "title=another"], stopped.Folder);
        Assert.NotEmpty(renamed.Run(threads: 2).Stages);
        Assert.Contains("stage attack goes on after step 1", renamed.Notices);
    }

    [Fact]
    public void When_the_time_is_over_a_step_is_kept()
    {
        using StoppedRun often = new(["checkpoint={\"every_minutes\":1e-9}"]), never = new(Never);
        StopAfter(often, "align", 3);
        StopAfter(never, "align", 3);
        Assert.Equal((2, 1), (Checkpoints(often, "align").Length, Checkpoints(never, "align").Length));
    }

    /// <summary>The hash holds both, so that a stage would be refused all the same, and for the wrong reason.</summary>
    [Fact]
    public void Another_arithmetic_or_version_is_the_reason_that_is_given()
    {
        using var finished = new StoppedRun();
        finished.Run();
        Require(finished, "cuda, float32", "a kept stage was computed in another arithmetic", "cuda, float32", "cpu");

        using var begun = new StoppedRun(Two);
        StopAfter(begun, "align", 2);
        string path = Assert.Single(
            Directory.GetFiles(Path.Combine(begun.Folder, "align"), "checkpoint-*.safetensors"));
        string content = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        foreach (var (key, own, reason) in ((string, string, string)[])
        [
            ("arithmetic", "cpu", "it was computed in another arithmetic"),
            ("numeric_version", $"{StagePlan.NumericVersion}",
                "the version of the program that wrote it computes other bits"),
        ])
        {
            Assert.Contains($"\"{key}\":\"{own}\"", content, StringComparison.Ordinal);
            string altered = content.Replace(
                $"\"{key}\":\"{own}\"", $"\"{key}\":\"{new string('0', own.Length)}\"", StringComparison.Ordinal);
            File.WriteAllBytes(path, Encoding.Latin1.GetBytes(altered));
            Require(begun, "cpu", reason, $"found:    {new string('0', own.Length)}", $"expected: {own}");
        }
    }

    private static void Require(StoppedRun run, string arithmetic, params string[] says)
    {
        string message = Assert.Throws<InputException>(() => run.Run(arithmetic: arithmetic)).Message;
        Assert.All(says, part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_model_that_was_kept_before_its_result_is_not_taken_for_that_of_a_changed_recipe()
    {
        using var run = new StoppedRun();
        int changes = 0;
        using (FileChanges.Watch((change, path) =>
        {
            changes += change == FileChange.Rename && Path.GetFileName(path) == "adapter" ? 1 : 0;
            if (changes > 0 && change == FileChange.Open)
                throw new DivideByZeroException();
        }))
            Assert.Throws<DivideByZeroException>(() => run.Run());
        File.Delete(Path.Combine(run.Folder, "align", "checkpoint-0000000002.safetensors"));
        File.Delete(Path.Combine(run.Folder, "align", "checkpoint-0000000003.safetensors"));
        using var other = new StoppedRun(["align.rule.rho=1"], run.Folder);
        Assert.Contains(
            "its model is kept", Assert.Throws<InputException>(() => other.Run()).Message, StringComparison.Ordinal);
        Assert.Empty(run.Run().Failures);
    }

    [Fact]
    public void A_grid_goes_on_by_itself_and_a_finished_stage_is_not_trained_again()
    {
        using var once = new TinyGrid();
        var grid = TinyGrid.Grid("grid={\"seed\":\"3\"}", "checkpoint.every_steps=1");
        string expected = StoppedRun.Json(once.Run(1, grid));
        using var tiny = new TinyGrid();
        foreach (string stage in (string[])["base", "align", "attack"])
        {
            using var stop = new CancellationTokenSource();
            tiny.Run(1, grid, at =>
            {
                if (Running(at, stage) == 3)
                    stop.Cancel();
                Assert.False(stage != "base" && Running(at, "base") is > 0 and < 3);
                Assert.False(stage == "attack" && Running(at, "align") is > 0 and < 3);
            }, cancel: stop.Token);
        }

        Assert.Equal(expected, StoppedRun.Json(tiny.Run(1, grid)));
        Assert.DoesNotContain(
            Directory.GetFiles(tiny.Folder, "*", SearchOption.AllDirectories),
            file => Path.GetFileName(file).StartsWith("checkpoint", StringComparison.Ordinal));
    }

    [Fact]
    public void A_stage_that_diverges_keeps_what_was_measured_before()
    {
        string[] set = ["attack.training.learning_rate=1e30", "attack.training.warmup_ratio=0.5",
            "attack.training.epochs=2", "evaluation.curve_points=6"];
        using var run = new StoppedRun(set);
        var report = run.Run();
        Assert.Contains("not finite", Assert.Single(report.Failures), StringComparison.Ordinal);
        var measured = Assert.Single(report.Unfinished!.Values);
        Assert.Equal(("attack", null), (measured.Stage, measured.Measured));
        Assert.Equal(Enumerable.Range(0, measured.Curve.Count), measured.Curve.Select(point => point.Step));
        Assert.True(measured.Curve.Count >= 2);
        Assert.Equal(StoppedRun.Json(report), StoppedRun.Json(run.Run()));          // and does so again
    }

    private static void StopAfter(StoppedRun run, string stage, int step)
    {
        using var stop = new CancellationTokenSource();
        Assert.True(run.Run(
            progress: at =>
            {
                if (Running(at, stage) == step)
                    stop.Cancel();
            },
            cancel: stop.Token).Interrupted);
    }

    private static int Running(RunProgress at, string stage) =>
        at.Running.FirstOrDefault(running => running.Stage.Name == stage)?.Last?.Step ?? 0;

    private static string[] Checkpoints(StoppedRun run, string stage) =>
        [.. Directory.GetFiles(Path.Combine(run.Folder, stage), "checkpoint-*").Select(path => Path.GetFileName(path))
            .Order()];
}
