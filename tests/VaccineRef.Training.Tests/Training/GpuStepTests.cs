using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Training.Tests.Training;

/// <summary>
/// Whole Vaccine steps on every GPU device of this machine, ILGPU's simulator always, against the processor: forward,
/// reverse to the sites, perturbation, shifted forward, reverse to the weights, clipping, AdamW, drift, greedy
/// generation.
/// </summary>
public sealed class GpuStepTests(GpuDevices gpus) : IClassFixture<GpuDevices>
{
    private const double LearningRate = 0.01;

    // Double: some hundred roundings, and Adam divides by gradients no smaller than 1e-6 of the largest.
    private const double DoubleTolerance = 1e-10;

    // Float: a chain of some twenty ops, each within (C + 8) 16 eps of its largest term, C = 12 at most.
    private const double FloatTolerance = 20 * (12 + 8) * 16.0 / (1 << 23);

    public static TheoryData<Family, bool> Cases => new(
        from family in (Family[])[Family.Llama, Family.Opt]
        from adapted in (bool[])[false, true]
        select (family, adapted));

    [Theory]
    [MemberData(nameof(Cases))]
    public void Three_Vaccine_steps_equal_the_processors(Family family, bool adapted)
    {
        using var cpu = new CpuDevice(1);
        var expected = Train<double>(cpu, Tiny(family, adapted), steps: 3);
        var single = Train<float>(cpu, Tiny(family, adapted), steps: 1);
        foreach (var gpu in gpus.All)
        {
            Near(expected, Train<double>(gpu, Tiny(family, adapted), steps: 3), DoubleTolerance, gpu.Name);
            Near(
                single with { Weights = [] }, Train<float>(gpu, Tiny(family, adapted), steps: 1) with { Weights = [] },
                FloatTolerance, gpu.Name);
        }
    }

    private static TinyModel Tiny(Family family, bool adapted) =>
        new(family, adapted, Layers: 2, KeyValueHeads: 1, Group: 2, HeadSize: 4, Vocabulary: 13, new(3, 4, 0), Seed: 5)
        {
            Dropout = adapted ? 0.3 : 0,
        };

    /// <summary>
    /// What some steps yield: losses and norms, the last gradient, the weights, drift, and what the model then says.
    /// </summary>
    private static Outcome Train<T>(Device device, TinyModel tiny, int steps)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var model = LanguageModel.Create<T>(tiny.Config, device, tiny.Random.At("weights"));
        if (tiny.Adapted)
            Lora.Attach(model, tiny.Adapter, tiny.Random.At("adapter"));
        foreach (var parameter in model.Network.Parameters.Concat(model.Trainable).Distinct())
            Set(device, parameter, tiny);
        var batch = PackedBatch.Pack(tiny.Sequences);
        using var drift = new EmbeddingDrift<T>(model.Network, [batch], device);
        using var rule = new Vaccine<T>(new VaccineOptions(0.5), device);
        var options = new StepOptions(new AdamWOptions(LearningRate, WeightDecay: 0.1), Seed: 1);
        using var step = new TrainStep<T>(
            model.Trainable, new CrossEntropyObjective<T>(model.Network), rule, options, device);
        List<double> reports = [];
        for (int i = 0; i < steps; i++)
        {
            var record = step.Run(batch);
            reports.AddRange([record.Loss, record.CleanLoss!.Value, record.PerturbationNorm, record.GradientNorm]);
        }

        reports.Add(drift.Measure().PerToken);
        var said = Generator.Generate(model, [[3, 5], [7]], new GenerationOptions(3), default);
        return new(
            [.. reports], [.. model.Trainable.SelectMany(parameter => Values(device, parameter.Gradient))],
            [.. model.Trainable.SelectMany(parameter => Values(device, parameter.Value))],
            [.. said.SelectMany(ids => ids)]);
    }

    /// <summary>Weights from the host, bit for bit the same on every device.</summary>
    private static void Set<T>(Device device, Parameter<T> parameter, TinyModel tiny)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var random = tiny.Random.At(parameter.Name);
        var values = new T[parameter.Shape.Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = T.CreateChecked((float)((parameter.Dimensions.Count == 1 ? 1 : 0) + (0.4 * random.Normal(i))));
        device.Upload<T>(values, parameter.Value);
    }

    private static double[] Values<T>(Device device, View<T> view) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var values = new T[view.Shape.Count];
        device.Download(view, values);
        return [.. values.Select(double.CreateChecked)];
    }

    private static void Near(Outcome expected, Outcome actual, double tolerance, string device)
    {
        Near(expected.Reports, actual.Reports, tolerance, $"{device}, reports");
        Near(expected.Gradient, actual.Gradient, tolerance, $"{device}, gradient");
        Near(expected.Weights, actual.Weights, tolerance, $"{device}, weights");
        Assert.Equal(expected.Said, actual.Said);
    }

    private static void Near(double[] expected, double[] actual, double tolerance, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        double allowed = tolerance * Math.Max(1, expected.Largest());
        for (int i = 0; i < expected.Length; i++)
            Assert.True(
                Math.Abs(expected[i] - actual[i]) <= allowed,
                $"{what}[{i}]: {expected[i]:R} expected, {actual[i]:R} found, allowed {allowed:E1}");
    }

    private sealed record Outcome(double[] Reports, double[] Gradient, double[] Weights, int[] Said);
}
