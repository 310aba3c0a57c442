using VaccineRef.Alignment.Tests.Rules;

namespace VaccineRef.Alignment.Tests.Training;

/// <summary>What a whole Vaccine step must be beside right: the same bits on any number of threads, and no new memory.</summary>
public sealed class StepCostTests
{
    /// <summary>Large enough that products, attention and the loss are each cut into several blocks.</summary>
    private static readonly TinyModel Larger = new(Family.Llama, true, 2, 2, 2, 16, 311, new(67, 41, 50), Seed: 5) { Dropout = 0.1 };

    private static readonly TinyModel LargerOpt = Larger with { Family = Family.Opt, Adapted = false };

    public static TheoryData<bool> Models => [true, false];

    [Theory]
    [MemberData(nameof(Models))]
    public void One_two_and_three_threads_give_the_same_bits(bool adapted)
    {
        float[] one = Trained(adapted ? Larger : LargerOpt, 1);
        Assert.All(one, value => Assert.True(float.IsFinite(value)));
        Assert.Equal(one, Trained(adapted ? Larger : LargerOpt, 2));
        Assert.Equal(one, Trained(adapted ? Larger : LargerOpt, 3));
    }

    /// <summary>
    /// The wave grows once, in the first step; its blocks are joined when it is first cleared, and nothing is reserved after that.
    /// </summary>
    [Fact]
    public void From_the_second_step_on_no_memory_is_reserved()
    {
        using var run = new TinyRun<float>(Larger);
        using var rule = run.Vaccine(2);
        run.Step(rule);
        var wave = run.State.Tape.Wave;
        var (peak, reserved) = (wave.Peak, wave.Reserved);
        Assert.InRange(peak, 1, reserved);
        for (int step = 0; step < 3; step++)
        {
            run.Step(rule);
            Assert.Equal((peak, reserved, 0), (wave.Peak, wave.Reserved, wave.InUse));
        }
    }

    [Fact]
    public void Managed_bytes_of_a_step_are_per_call_and_not_per_row()
    {
        (long bytes, long calls) = ManagedBytes(Larger);
        (long more, _) = ManagedBytes(Larger with { Lengths = new(40, 20, 20) });
        (long opt, long optCalls) = ManagedBytes(LargerOpt);
        (long small, long smallCalls) = ManagedBytes(Larger with { Layers = 1, Lengths = new(4, 2, 2) });
        Assert.Fail($"{bytes} {more} {calls} opt {opt} {optCalls} small {small} {smallCalls}");
    }

    /// <summary>What a step allocates once everything is compiled and grown, and how many ops it applies.</summary>
    private static (long Bytes, long Calls) ManagedBytes(TinyModel tiny)
    {
        const int Warm = 40, Steps = 10;
        using var run = new TinyRun<float>(tiny);
        using var rule = run.Vaccine(2);
        for (int step = 0; step < Warm; step++)
            run.Step(rule);
        long bytes = GC.GetAllocatedBytesForCurrentThread(), applied = run.State.Tape.Applied;
        for (int step = 0; step < Steps; step++)
            run.Step(rule);
        return (
            (GC.GetAllocatedBytesForCurrentThread() - bytes) / Steps, (run.State.Tape.Applied - applied) / Steps);
    }

    private static float[] Trained(TinyModel tiny, int threads)
    {
        using var run = new TinyRun<float>(tiny, threads, noise: 0.05);
        using var rule = new Vaccine<float>(new VaccineOptions(2), run.Device);
        var trainer = new Trainer<float>(
            run.Device, run.Model.Trainable, run.Objective, rule, new(3, new(0.01), MaxSteps: 2));
        trainer.Run(tiny.Sequences);
        return [.. run.Model.Trainable.SelectMany(parameter => parameter.Value.Span.ToArray())];
    }
}
