using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Gpu;
using VaccineRef.Testing;

namespace VaccineRef.Experiments.Tests.Pipeline;

/// <summary>
/// Any number of evaluations holds the memory that the first hundred hold, and a grid holds the results of its cells
/// and nothing else of them. `tests/soak/run` makes 10,000 and 1,000 of them.
/// </summary>
[Collection("alone")]
public sealed class SoakLaws
{
    // An evaluation has four answers, each an object of more than 100 bytes with its texts.
    private const double AnAnswer = 100;

    // What the runtime and the tests' runner make once, at any time, and what the compiler makes anew of code that is
    // hot.
    private const long Once = 1 << 20, Native = 16 << 20;

    private const double Drift = 1.5;

    private const string Cells = """
        {
          "name": "soak", "model": { "kind": "world", "hidden": 8, "layers": 1, "heads": 2 },
          "world": { "test_count": 6, "pool_count": 48, "alignment_refusals": 12, "alignment_helpful": 12, "probe_count": 4 },
          "stages": [
            { "name": "base", "data": { "kind": "world_pretraining", "count": 48 }, "training": { "max_steps": 2, "batch_size": 8 } },
            {
              "name": "align", "data": { "kind": "world_alignment" }, "rule": { "kind": "vaccine", "rho": 0.5 },
              "adapter": { "kind": "lora", "rank": 2, "alpha": 4 }, "training": { "max_steps": 2, "batch_size": 6 }
            },
            {
              "name": "attack", "data": { "kind": "world_attack", "harmful_ratio": 0.1, "samples": 10 },
              "adapter": { "kind": "lora", "rank": 2, "alpha": 4 }, "training": { "max_steps": 2, "batch_size": 5 }
            }
          ],
          "evaluation": { "kind": "world", "curve_points": 0, "perturbation_points": 0 }
        }
        """;

    [Fact]
    public void Evaluations_hold_what_the_first_hundred_hold()
    {
        using var device = new CpuDevice(threads: 1);
        Check(device, Soak.IsLong ? 10_000 : 400);
    }

    [Fact]
    public void Evaluations_on_the_simulator_hold_what_the_first_hundred_hold()
    {
        Assert.SkipUnless(Soak.IsLong, "only in tests/soak/run: an evaluation on the simulator takes a second");
        using var device = Devices.Open("ilgpu-cpu");
        Check(device, 400);
    }

    /// <summary>
    /// The cells are a hundred learning rates on some seeds. Memory is taken when a tenth of them is done and at the
    /// end; what a cell leaves behind is its results, at most ten times as large as objects as the file in which they
    /// are kept.
    /// </summary>
    [Fact]
    public void A_grid_holds_the_results_of_its_cells()
    {
        int seeds = Soak.IsLong ? 10 : 1, rates = Soak.IsLong ? 100 : 20;
        string values = string.Join(", ", Enumerable.Range(1, rates).Select(i => $"{i}e-5"));
        var grid = new ExperimentGrid(
            RecipeFormat.Standard.Parse(
                Cells, "soak", [$$"""grid={ "attack.training.learning_rate": [{{values}}], "seed": "1-{{seeds}}" }"""]),
            RecipeFormat.Standard);
        int cells = seeds * rates, done = 0;
        Assert.Equal(cells, grid.Trials().Count);
        using var tiny = new TinyGrid();
        SoakMemory begin = default;
        var tenths = new List<double>();
        var before = Environment.CpuUsage.TotalTime;
        var report = tiny.Run(1, grid, progress =>
        {
            if (progress.Finished is not ({ IsAttack: true }, _) || ++done % (cells / 10) != 0)
                return;
            begin = done == cells / 10 ? SoakMemory.Now(0) : begin;
            tenths.Add((Environment.CpuUsage.TotalTime - before).TotalMicroseconds / (cells / 10.0));
            before = Environment.CpuUsage.TotalTime;
        });
        var end = SoakMemory.Now(0);
        long files = Directory.EnumerateFiles(tiny.Folder, "result.json", SearchOption.AllDirectories)
            .Sum(path => new FileInfo(path).Length);
        var soak = new Soak(
            "cells of a grid, cpu", cells, begin, end, [.. tenths], (end.Managed - begin.Managed) / (0.9 * cells));
        soak.Write();
        Assert.Empty(report.Failures);
        Assert.InRange(end.Managed - begin.Managed, long.MinValue, 10 * files);
        Assert.InRange(end.Native - begin.Native, long.MinValue, Native);
        if (Soak.IsLong)
            Assert.InRange(soak.Drift, 0, Drift);
        GC.KeepAlive(report);
    }

    private static void Check(Device device, int times)
    {
        var world = new SyntheticWorld(
            5, new() { TestCount = 2, PoolCount = 48, AlignmentRefusals = 12, AlignmentHelpful = 12, ProbeCount = 2 });
        using var model = new WorldModelOptions { Hidden = 8, Layers = 1, Heads = 2 }.Load<float>(
            ".", device, RandomStream.FromSeed(1));
        using var evaluation = new WorldEvaluation<float>(world, device);
        var soak = Soak.Run(
            $"evaluations, {device.Name}", times, _ => evaluation.Measure(model, new List<KeptAnswer>(), default),
            () => (device as GpuDevice)?.ReservedBytes ?? 0);
        Assert.InRange(soak.ManagedEach, double.NegativeInfinity, AnAnswer);
        Assert.InRange(soak.Managed, long.MinValue, Once);
        Assert.InRange(soak.Native, long.MinValue, Native);
        Assert.Equal(soak.Begin.Arenas, soak.End.Arenas);
        if (Soak.IsLong)
            Assert.InRange(soak.Drift, 0, Drift);
    }
}
