using System.Reflection;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Testing;
using VaccineRef.Training.Tests.Rules;

namespace VaccineRef.Training.Tests.Training;

/// <summary>
/// A training that was kept after a step, and goes on with everything made anew, gives the bits of one that was never
/// stopped: weights, what each step reports, and what is counted.
/// </summary>
public sealed class ResumeLaws(GpuDevices gpus) : IClassFixture<GpuDevices>, IDisposable
{
    // more than each of tau, J and K of the cases, and no multiple of them
    private const int Steps = 5;

    // the list holds Vaa's probability still, so that a law of its own holds: here it moves
    private static readonly RuleCase Moving = new(
        "vaa, moving", new VaaOptions(0.3, Schedule: VaaSchedule.Linear, ProbabilityRate: 0.5));

    private static readonly TinyModel Tiny =
        new(Family.Llama, true, 3, 1, 2, 4, 17, new(6, 5, 4), Seed: 21) { Dropout = 0.2 };

    // the simulator takes its time
    private static readonly TinyModel Small = Tiny with { Layers = 1, Lengths = new(3, 3, 0) };

    private static readonly TrainOptions Options = new(
        1, new AdamWOptions(0.01, WeightDecay: 0.1), MaxSteps: Steps, Accumulation: 2, Schedule: ScheduleKind.Cosine,
        WarmupRatio: 0.2, Seed: 4);

    // in memory where there is such a place: a disk would be flushed hundreds of times
    private readonly string _folder = Directory.Exists("/dev/shm")
        ? Directory.CreateDirectory($"/dev/shm/vaccineref-{Guid.NewGuid():N}").FullName
        : Directory.CreateTempSubdirectory("vaccineref-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static IReadOnlyList<RuleCase> Cases => [.. RuleVariants.All, Moving];

    public static TheoryData<string> Rules => [.. Cases.Select(rule => rule.Name)];

    [Theory]
    [MemberData(nameof(Rules))]
    public void Every_rule_goes_on_bit_for_bit(string name)
    {
        var rule = Cases.Single(rule => rule.Name == name).Options;
        foreach (bool adapted in (bool[])[true, false])
            Holds<double>(
                Tiny with { Adapted = adapted, Dropout = adapted ? 0.2 : 0 }, rule, CrossEntropy, adapted ? 1 : 2,
                new CpuDevice(1), new CpuDevice(2));
    }

    /// <summary>
    /// A probability that was forgotten shows only where a draw lies between it and the one at the beginning.
    /// </summary>
    [Fact]
    public void A_probability_that_moves_goes_on_with_every_seed()
    {
        for (ulong seed = 0; seed < 8; seed++)
            Holds<double>(
                Tiny with { Layers = 1 }, Moving.Options, CrossEntropy, 2, new CpuDevice(1), new CpuDevice(1),
                Options with { Seed = seed });
    }

    [Fact]
    public void Every_objective_and_the_meter_go_on_bit_for_bit()
    {
        ObjectiveOptions[] all =
        [
            new CrossEntropyOptions(), new EwcOptions(0.3), new KlOptions(0.3), new KlOptions(0.3, Variant.AsReleased),
            new LdifsOptions(0.3),
            new EarlyTokensOptions(), new AsftOptions(0.3, "before"), new AlignedKlOptions(),
        ];
        Assert.Equal(
            typeof(ObjectiveOptions).GetCustomAttributes<JsonDerivedTypeAttribute>().Select(each => each.DerivedType)
                .ToHashSet(),
            all.Select(options => options.GetType()).ToHashSet());           // whoever adds an objective adds it here
        foreach (var options in all)
            Holds<double>(Tiny, new VaccineOptions(0.5), options, 2, new CpuDevice(1), new CpuDevice(2));
    }

    /// <summary>With a rule that holds parameters, so that steps are missed.</summary>
    [Fact]
    public void Every_optimizer_goes_on_bit_for_bit() => Assert.All(OptimizerCases.All, each => Holds<double>(
        Tiny, new RandomLayersOptions(0.5, 1), CrossEntropy, 2, new CpuDevice(1), new CpuDevice(2),
        Options with { Optimizer = each.Options with { LearningRate = 0.01, WeightDecay = 0.1 } }));

    [Fact]
    public void Floats_and_other_devices_go_on_bit_for_bit()
    {
        Holds<float>(Tiny, new VaccineOptions(0.5), CrossEntropy, 1, new CpuDevice(2), new CpuDevice(1));
        foreach (var gpu in gpus.All)
            Holds<float>(
                Small, new OasisOptions(0.5, 1, ProbeEvery: 3), CrossEntropy, 1, gpu, gpu,
                Options with { MaxSteps = 2, Accumulation = 1 });
    }

    [Fact]
    public void A_file_with_any_byte_changed_is_refused_or_the_same()
    {
        string path = Path.Combine(_folder, "kept.safetensors");
        Train<double>(
            Tiny with { Layers = 1 }, new PlainOptions(), CrossEntropy, Options, new CpuDevice(1), new(path, 2));
        byte[] whole = File.ReadAllBytes(path);
        // every byte of the header's beginning, then fewer
        for (int i = 0; i < whole.Length; i += 1 + (i / 16))
        {
            byte[] changed = [.. whole];
            changed[i] ^= 0x10;
            File.WriteAllBytes(path, changed);
            Assert.Throws<CheckpointException>(() => SealedSafetensors.Open(path));
            File.WriteAllBytes(path, whole[..i]);
            Assert.Throws<CheckpointException>(() => SealedSafetensors.Open(path));
        }
    }

    private static ObjectiveOptions CrossEntropy { get; } = new CrossEntropyOptions();

    private void Holds<T>(TinyModel tiny, RuleOptions rule, ObjectiveOptions objective, int stride, Device first, Device second,
        TrainOptions? training = null)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        training ??= Options;
        var expected = Train<T>(tiny, rule, objective, training, first, null);
        var kept = Train<T>(
            tiny, rule, objective, training, first, new(Path.Combine(_folder, "0.safetensors"), int.MaxValue));
        Assert.Equal(expected.Report, kept.Report);             // keeping it disturbs nothing
        for (int stop = 1; stop < training.MaxSteps + (first is CpuDevice ? 1 : 0); stop += stride)
        {
            string path = Path.Combine(_folder, $"{stop}.safetensors");
            Train<T>(tiny, rule, objective, training, first, new(path, stop));
            var resumed = Train<T>(tiny, rule, objective, training, second, new(path, 0));
            Assert.Equal(expected.Weights, resumed.Weights);
            Assert.Equal(expected.Records[stop..].Select(Text), resumed.Records.Select(Text));
            Assert.Equal(expected.Report, resumed.Report);
            Assert.Equal(expected.Meter, resumed.Meter);
            // all that is remembered
            Assert.Equal(
                File.ReadAllBytes(Path.Combine(_folder, "0.safetensors.end")), File.ReadAllBytes($"{path}.end"));
        }

        if (first is CpuDevice)
            first.Dispose();
        if (second is CpuDevice)
            second.Dispose();
    }

    private static string Text(StepRecord record) =>
        $"{record with { Seconds = 0, Scalars = null }} {string.Join(' ', record.Scalars?.Select(each => $"{each}") ?? [])}";

    private static Outcome Train<T>(
        TinyModel tiny, RuleOptions options, ObjectiveOptions objectives, TrainOptions training, Device device,
        Stop? stop)
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        using var run = new TinyRun<T>(tiny, device);
        var rule = options.Make<T>(device);
        using var disposableRule = rule as IDisposable;
        var objective = objectives.Make(new ObjectiveContext<T>(run.Model, () => tiny.Other("reference"), training.BatchSize,
            _ => LanguageModel.Create<T>(tiny.Config, device, tiny.Random.At("before"))));
        using var disposableObjective = objective as IDisposable;
        var meter = new PerturbationMeter<T>(objective) { IsOn = true };
        var streams = run.Streams.ToDictionary(
            each => each.Key, each => new BatchStream(tiny.Other(each.Key), 2, tiny.Random.At(each.Key)));
        var records = new List<StepRecord>();
        using var cancel = new CancellationTokenSource();
        var report = new Trainer<T>(device, run.Model.Trainable, meter, rule, training, streams).Run(
            tiny.Sequences,
            step =>
            {
                records.Add(step);
                meter.IsOn = step.Step < 3;
                if (step.Step == stop?.After)
                    cancel.Cancel();
            },
            stop is null ? null : new Kept<T>(stop, device, step => meter.IsOn = step < 3), cancel.Token);
        return new(
            run.Weights, [.. records], report with { Seconds = 0 },
            (meter.Bytes, meter.StateBytes, meter.Tokens, meter.Tokens > 0 ? meter.Means : default));
    }

    private sealed record Outcome(double[] Weights, StepRecord[] Records, TrainReport Report, object Meter);

    /// <summary>Where a training is kept, and after which step it is stopped; 0 if it goes on.</summary>
    private sealed record Stop(string Path, int After);

    private sealed class Kept<T>(Stop stop, Device device, Action<int> begun) : ICheckpoints<T>
        where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        public void Begin(IKeepsState<T> training)
        {
            if (stop.After > 0)
                return;
            using var file = SealedSafetensors.Open(stop.Path);
            KeptState<T>.Read(file, device, training.Exchange);
            begun(int.Parse(
                Path.GetFileNameWithoutExtension(stop.Path), System.Globalization.CultureInfo.InvariantCulture));
        }

        public void Stepped(int step, IKeepsState<T> training)
        {
            if (stop.After > 0)
                KeptState<T>.Write(stop.Path, device, new Dictionary<string, string>(), training.Exchange);
        }

        public void Ended(int step, IKeepsState<T> training) =>
            KeptState<T>.Write($"{stop.Path}.end", device, new Dictionary<string, string>(), training.Exchange);
    }
}
