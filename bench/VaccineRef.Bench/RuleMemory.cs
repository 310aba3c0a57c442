using System.Globalization;
using VaccineRef.Core;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Bench;

/// <summary>
/// The memory that gradient rules need beside weights, gradients and optimizer state, by their own counts.
/// </summary>
internal static class RuleMemory
{
    private const double MiB = 1 << 20;

    /// <summary>Prints a row for each rule: on all weights, and on an adapter of rank 8.</summary>
    public static void Run(StepShape shape, int threads)
    {
        int layers = Math.Max(1, shape.Layers / 4);         // as T-Vaccine's 8 of 32
        RuleOptions[] rules =
        [
            new PlainOptions(), new VaccineOptions(StepRun.Rho),
            new TVaccineOptions(StepRun.Rho, layers, ResampleEvery: 1),
            new TVaccineOptions(StepRun.Rho, layers, ResampleEvery: 1, Recompute: false),
            new TVaccineOptions(StepRun.Rho, layers, ResampleEvery: 1, Variant: Variant.AsReleased),
            new OasisOptions(StepRun.Rho, layers),
        ];
        Console.WriteLine("| shape, MiB | trained | activations | perturbation | kept by the rule |");
        Console.WriteLine("| --- | --- | --- | --- | --- |");
        foreach (int rank in (int[])[0, 8])
            foreach (var options in rules)
                Row(shape with { Rank = rank }, options, threads);
    }

    private static void Row(StepShape shape, RuleOptions options, int threads)
    {
        using var device = new CpuDevice(threads);
        using var model = LanguageModel.Create<float>(shape.Config(), device, RandomStream.FromSeed(1));
        if (shape.Rank > 0)
            Lora.Attach(
                model, new AdapterConfig(shape.Rank, 2.0 * shape.Rank, TargetModules.AllLinear),
                RandomStream.FromSeed(2));
        var rule = options.Make<float>(device);
        using var disposable = rule as IDisposable;
        var meter = new PerturbationMeter<float>(new CrossEntropyObjective<float>(model.Network));
        // one sequence, as T-Vaccine's release
        var harmful = new BatchStream(shape.Data(), batchSize: 1, RandomStream.FromSeed(5));
        using var step = new TrainStep<float>(
            model.Trainable, meter, rule, new StepOptions(StepRun.Options, Seed: 3), device,
            options.Streams().ToDictionary(name => name, _ => harmful));
        for (int i = 0; i < 3; i++)
            step.Run(shape.Batch());
        string Number(long bytes) => (bytes / MiB).ToString("0.0", CultureInfo.InvariantCulture);
        Console.WriteLine(
            $"| {shape.Name}, {options.Label()} | {(shape.Rank > 0 ? "adapter" : "all")} | "
            + $"{Number(step.State.Tape.Activations.Peak)} | {Number(meter.Bytes)} | {Number(rule.StateBytes)} |");
    }
}
