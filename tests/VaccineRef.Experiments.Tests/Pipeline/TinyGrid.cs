using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>
/// A grid of a few steps on a model of a few thousand numbers, with a cache of its own that is gone afterwards.
/// </summary>
internal sealed class TinyGrid : IDisposable
{
    /// <summary>Every kind of condition, two attacks, one seed.</summary>
    public const string Text = """
        {
          "name": "tiny", "model": { "kind": "world", "hidden": 8, "layers": 2, "heads": 2 },
          "world": { "test_count": 12, "pool_count": 60, "alignment_refusals": 12, "alignment_helpful": 12, "probe_count": 6 },
          "stages": [
            {
              "name": "base", "data": { "kind": "world_pretraining", "count": 48 },
              "training": { "max_steps": 6, "batch_size": 8, "learning_rate": 3e-3, "schedule": "constant", "warmup_ratio": 0 }
            },
            {
              "name": "align", "data": { "kind": "world_alignment" },
              "training": { "max_steps": 6, "batch_size": 6, "learning_rate": 3e-3, "schedule": "constant", "warmup_ratio": 0 }
            },
            { "kind": "scale_residual_stream", "name": "lengthen", "skip": true, "factor": 1.1 },
            {
              "name": "attack", "data": { "kind": "world_attack", "harmful_ratio": 0.1, "samples": 20 },
              "adapter": { "kind": "lora", "rank": 2, "alpha": 4, "dropout": 0 },
              "training": { "epochs": 2, "batch_size": 5, "learning_rate": 3e-3, "schedule": "constant", "warmup_ratio": 0 }
            }
          ],
          "evaluation": { "kind": "world", "curve_points": 3, "perturbation_points": 2, "projected_prompts": 5, "drift_geometry": true, "sharpness": 0.1 },
          "grid": {
            "method": {
              "Non-Aligned": { "align.skip": true },
              "SFT": {},
              "Vaccine": { "align.rule": { "kind": "vaccine", "rho": 0.5 } },
              "direction": { "align.rule": { "kind": "random_direction", "rho": 0.5 } },
              "random": { "align.rule": { "kind": "random", "variance": 0.01 } },
              "accelerated": { "align.rule": { "kind": "accelerated_vaccine", "rho": 0.5, "tau": 2 } },
              "double": { "align.rule": { "kind": "vaccine", "rho": 0.5 }, "align.adapter": { "kind": "lora", "rank": 2, "alpha": 4, "dropout": 0 } },
              "single": {
                "align.rule": { "kind": "vaccine", "rho": 0.5 }, "align.adapter": { "kind": "lora", "rank": 2, "alpha": 4, "dropout": 0 },
                "attack.adapter": { "kind": "same" }
              },
              "lengthened": { "lengthen.skip": false },
              "guarded": { "attack.mixed_in": { "from": "align", "count": 4 }, "attack.objective": { "kind": "ewc", "lambda": 1 } }
            },
            "attack.data.harmful_ratio": [0, 0.1],
            "seed": "3"
          },
          "report": { "control": "SFT", "primary": "Vaccine", "convergence": { "most_loss": 100, "least_refused": 0 } }
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref-").FullName;

    public string Folder => _folder;

    public static ExperimentGrid Grid(params string[] set) => Grid(RecipeFormat.Standard, set);

    public static ExperimentGrid Grid(RecipeFormat format, params string[] set) =>
        new(format.Parse(Text, "tiny", set), format);

    public static StagePlan Plan(
        ExperimentGrid grid, string arithmetic = "cpu", RecipeFormat? format = null, int ranks = 1) =>
        new(grid.Trials(), format ?? RecipeFormat.Standard, new DataFiles("."), arithmetic, ranks);

    public ExperimentReport Run(
        int workers, ExperimentGrid? grid = null, Action<RunProgress>? progress = null, Device? together = null,
        RecipeFormat? format = null, CancellationToken cancel = default)
    {
        grid ??= Grid();
        var plan = Plan(grid, format: format);
        Device[] devices = [.. Enumerable.Range(0, workers).Select(_ => new CpuDevice(threads: 1))];
        try
        {
            var data = Preflight.Require(plan.Trials, plan.Files).Data;
            var outcome = ExperimentRun.Run(
                plan, StageStore.Cache(_folder), devices, progress ?? (_ => { }), cancel, together);
            return ExperimentReport.Of(grid, plan, outcome, data, format ?? RecipeFormat.Standard, null);
        }
        finally
        {
            foreach (var device in devices)
                device.Dispose();
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
