using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Reporting.TensorBoard;

namespace VaccineRef.Reporting.Tests;

/// <summary>Event files of a real run, read while it goes on.</summary>
public sealed class LiveEventTests : IDisposable
{
    private const string Recipe = """
        {
          "name": "live", "model": { "kind": "world", "hidden": 8, "layers": 1, "heads": 2 },
          "world": { "test_count": 12, "pool_count": 60, "alignment_refusals": 12, "alignment_helpful": 12, "probe_count": 6 },
          "stages": [
            { "name": "align", "data": { "kind": "world_alignment" }, "rule": { "kind": "vaccine", "rho": 0.5 },
              "training": { "max_steps": 7, "batch_size": 6, "learning_rate": 3e-3, "schedule": "constant", "warmup_ratio": 0 } },
            { "name": "attack", "data": { "kind": "world_attack", "harmful_ratio": 0.1, "samples": 20 },
              "training": { "epochs": 2, "batch_size": 5, "learning_rate": 3e-3, "schedule": "constant", "warmup_ratio": 0 } }
          ],
          "evaluation": { "kind": "world", "curve_points": 3 }
        }
        """;

    private static readonly string[] Numbers =
        ["loss", "clean_loss", "gradient_norm", "learning_rate", "site_gradient_norm", "perturbation_norm", "seconds"];

    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void In_the_middle_of_a_run_the_file_holds_every_finished_step_and_at_its_end_what_steps_jsonl_holds()
    {
        int seen = 0;
        Run(at =>
        {
            foreach (var running in at.Running.Where(running => running.Last is not null))
            {
                var steps = Read(running.Stage.Name, "loss");
                Assert.Equal(
                    Enumerable.Range(1, running.Last!.Step).Select(step => (long)step),
                    steps.Select(each => each.Step));
                Assert.Equal((float)running.Last.Loss, steps[^1].Value);
                if (running.Curve.Count > 0)
                    Assert.Equal(running.Curve.Count, Read(running.Stage.Name, "harmful_score").Length);
                seen++;
            }
        });
        Assert.True(seen > 15);
        foreach (string stage in (string[])["align", "attack"])
        {
            var lines = File.ReadLines(Path.Combine(_folder, "run", stage, "steps.jsonl"))
                .Select(line => System.Text.Json.Nodes.JsonNode.Parse(line)!).ToArray();
            foreach (string name in Numbers)
                Assert.Equal(
                    lines.Where(line => line[name] is not null)
                        .Select(line => ((long)line["step"]!, (float)(double)line[name]!)),
                    Read(stage, name).Select(each => (each.Step, each.Value)));
        }
    }

    [Fact]
    public void A_run_that_is_interrupted_keeps_its_steps_and_the_next_one_has_all_of_them()
    {
        using var stop = new CancellationTokenSource();
        var outcome = Run(
            at =>
            {
                if (at.Running is [{ Stage.Name: "attack", Last.Step: 3 }])
                    stop.Cancel();
            }, stop.Token);
        Assert.True(outcome.Interrupted);
        Assert.Equal([1L, 2L, 3L], Read("attack", "loss").Select(each => each.Step));
        float[] before = [.. Read("align", "loss").Select(each => each.Value)];
        Run(_ => { });
        Assert.Equal(
            Enumerable.Range(1, 8).Select(step => (long)step), Read("attack", "loss").Select(each => each.Step));
        Assert.Equal(before, Read("align", "loss").Select(each => each.Value));
    }

    private RunOutcome Run(Action<RunProgress> progress, CancellationToken cancel = default)
    {
        var grid = new ExperimentGrid(RecipeFormat.Standard.Parse(Recipe, "live", []), RecipeFormat.Standard);
        var plan = new StagePlan(grid.Trials(), RecipeFormat.Standard, new DataFiles("."), "cpu");
        using var device = new CpuDevice(threads: 1);
        using var events = new TrialEvents(_folder, TimeProvider.System);
        var outcome = ExperimentRun.Run(
            plan, StageStore.Run(Path.Combine(_folder, "run")), [device],
            at =>
            {
                events.Follow(at);
                progress(at);
            },
            cancel);
        events.Complete(ExperimentReport.Of(grid, plan, outcome, new([], []), RecipeFormat.Standard, null));
        return outcome;
    }

    private (string Tag, long Step, float Value)[] Read(string stage, string name)
    {
        string file = Assert.Single(Directory.GetFiles(Path.Combine(_folder, TrialEvents.Folder), "*", SearchOption.AllDirectories), path =>
            path.Contains(
                $"{Path.DirectorySeparatorChar}{stage}{Path.DirectorySeparatorChar}", StringComparison.Ordinal));
        return [.. EventFileTests.Scalars(file).Where(scalar => scalar.Tag == $"{stage}/{name}")];
    }
}
