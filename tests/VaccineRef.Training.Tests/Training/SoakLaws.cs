using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Training.Tests.Training;

/// <summary>Nothing else may allocate while memory is measured.</summary>
[CollectionDefinition("soak", DisableParallelization = true)]
public sealed class SoakCollection;

/// <summary>
/// Any number of steps holds the memory that the first hundred hold. `tests/soak/run` takes 100,000 of them.
/// </summary>
[Collection("soak")]
public sealed class SoakLaws
{
    // Half of the smallest object, which takes 24 bytes, so that one object kept per step is seen.
    private const double HalfAnObject = 12;

    // Between tenths of twenty steps what the process holds moves by up to 6.2 KiB either way, 316 bytes for each step. The
    // median of ten tenths moves less: by 96 bytes in thirteen minutes beside the tests' runner.
    private const double OnSimulator = 240;

    // What the runtime and the tests' runner make once, at any time: 101 kB were seen on a busy machine.
    private const long Once = 1 << 20;

    // What the compiler makes anew of code that is hot, and what malloc keeps: 160 bytes for each of 100,000 steps.
    private const long Native = 16 << 20;

    // Of the second half's time over the first half's: 2.7 if it grew in proportion, 1 if not, and others use the
    // caches too.
    private const double Drift = 1.5;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Steps_hold_what_the_first_hundred_hold(bool vaccine)
    {
        using var device = new CpuDevice(threads: 1);
        Check(device, vaccine, Soak.IsLong ? 100_000 : 2_000);
    }

    [Fact]
    public void Steps_on_the_simulator_hold_what_the_first_hundred_hold()
    {
        Assert.SkipUnless(Soak.IsLong, "only in tests/soak/run: a step on the simulator takes a second");
        using var device = Devices.Open("ilgpu-cpu");
        Check(device, vaccine: true, 400);
    }

    private static void Check(Device device, bool vaccine, int times)
    {
        var tiny = new TinyModel(Family.Llama, true, 2, 2, 2, 4, 31, new(7, 4, 5), Seed: 5);
        using var model = LanguageModel.Create<float>(tiny.Config, device, tiny.Random);
        Lora.Attach(model, tiny.Adapter, tiny.Random);
        using var rule = new Vaccine<float>(new VaccineOptions(0.5), device);
        using var step = new TrainStep<float>(
            model.Trainable, new CrossEntropyObjective<float>(model.Network), vaccine ? rule : new Plain<float>(),
            new StepOptions(new AdamWOptions(1e-6)), device);
        PackedBatch[] batches =
        [
            .. tiny.Sequences.Select(sequence => PackedBatch.Pack([sequence])), PackedBatch.Pack(tiny.Sequences),
        ];
        var soak = Soak.Run(
            $"{(vaccine ? "Vaccine" : "plain")} LoRA steps, {device.Name}", times,
            time => step.Run(batches[time % batches.Length]),
            () => step.State.Tape.Activations.Reserved + ((device as GpuDevice)?.ReservedBytes ?? 0));
        Assert.InRange(soak.ManagedEach, double.NegativeInfinity, device is GpuDevice ? OnSimulator : HalfAnObject);
        Assert.InRange(soak.Managed, long.MinValue, Once);
        Assert.InRange(soak.Native, long.MinValue, Native);
        Assert.Equal(soak.Begin.Arenas, soak.End.Arenas);
        if (Soak.IsLong)
            Assert.InRange(soak.Drift, 0, Drift);
    }
}
