using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Training;

/// <summary>
/// What a whole Vaccine step must be beside right: the same bits on any number of threads, and no new memory.
/// </summary>
public sealed class StepCostTests
{
    /// <summary>Large enough that products, attention and the loss are each cut into several blocks.</summary>
    private static readonly TinyModel Larger =
        new(Family.Llama, true, 2, 2, 2, 16, 311, new(67, 41, 50), Seed: 5) { Dropout = 0.1 };

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

    /// <summary>Tokens in a second and the time of a step say the same; no step is shorter than the shortest.</summary>
    [Fact]
    public void The_rate_of_a_rule_is_its_tokens_over_its_time()
    {
        using var run = new TinyRun<double>(Larger);
        using var step = new TrainStep<double>(
            run.Model.Trainable, run.Objective, new Plain<double>(), new StepOptions(new AdamWOptions(1e-3)),
            run.Device);
        var timing = Assert.Single(
            StepTiming.InTurn(step, [new Plain<double>()], run.Batch, 3, TestContext.Current.CancellationToken));
        // two roundings each way
        Assert.Equal(run.Batch.Rows, timing.TokensPerSecond * (timing.MedianMs / 1e3), run.Batch.Rows * 1e-14);
        Assert.InRange(timing.MinMs, double.Epsilon, timing.MedianMs);
    }

    /// <summary>
    /// If blocks are computed again, another layer needs memory for the block's input and, in the first pass, for the
    /// gradient at its site: (N, C) each. If they are kept, it needs memory for all that backward reads.
    /// </summary>
    [Fact]
    public void Computing_blocks_again_gives_the_same_bits_and_keeps_the_input_of_each()
    {
        const int More = 3;
        TinyModel[] models = [Larger, LargerOpt, Larger with { Family = Family.Gpt2 }];
        foreach (var tiny in models.Select(tiny => tiny with { Layers = 3, Dropout = 0.1 }))
        {
            var ((kept, whole), (again, less)) = (Run(tiny, 2), Run(tiny, 2, recompute: true));
            Assert.Equal(kept, again);
            Assert.InRange(less, 1, whole - 1);
            long rows = tiny.Lengths.All.Sum() * (long)tiny.Hidden * sizeof(float);
            var deeper = tiny with { Layers = tiny.Layers + More };
            Assert.InRange(Run(deeper, 2, recompute: true).Peak - less, More * rows, 2 * More * rows);
            Assert.InRange(Run(deeper, 2).Peak - whole, 6 * More * rows, long.MaxValue);
        }
    }

    /// <summary>
    /// The activation arena grows in the first step only. Its blocks are joined when it is first cleared, and nothing
    /// is reserved after that.
    /// </summary>
    [Fact]
    public void From_the_second_step_on_no_memory_is_reserved()
    {
        using var run = new TinyRun<float>(Larger);
        using var rule = run.Vaccine(2);
        run.Step(rule);
        var arena = run.State.Tape.Activations;
        var (peak, reserved) = (arena.Peak, arena.Reserved);
        Assert.InRange(peak, 1, reserved);
        for (int step = 0; step < 3; step++)
        {
            run.Step(rule);
            Assert.Equal((peak, reserved, 0), (arena.Peak, arena.Reserved, arena.InUse));
        }
    }

    /// <summary>
    /// A kernel's closure holds up to six views of 32 bytes and a delegate of 64, 272 in all, once in forward and
    /// once per input gradient in reverse: at most 4 * 272 per call with three inputs, and half of that over a
    /// model's mix of ops, where the first pass forms no weight gradient. Nothing grows with the batch.
    /// </summary>
    [Fact]
    public void Managed_bytes_of_a_step_are_a_few_closures_per_call_and_none_per_row()
    {
        const long BytesPerCall = 2 * 272;
        TinyModel[] models =
        [
            Larger, Larger with { Adapted = false }, Larger with { Family = Family.Gpt2, Adapted = false },
        ];
        foreach (var tiny in models)
        {
            // The short batch first: the JIT, which recompiles as we go, only ever takes allocations away.
            long few = ManagedBytes(tiny with { Lengths = new(30, 20, 10) }).Bytes;
            var (many, calls) = ManagedBytes(tiny);
            Assert.InRange(few, 1, BytesPerCall * calls);
            Assert.InRange(many, 1, few);
        }
    }

    /// <summary>
    /// What a step allocates once everything is compiled and grown, and how many ops it applies: the least of some
    /// steps, since what is made once, by whichever step comes first, is not a step's.
    /// </summary>
    private static (long Bytes, long Calls) ManagedBytes(TinyModel tiny)
    {
        const int Warm = 3, Steps = 8;
        using var run = new TinyRun<float>(tiny);
        using var rule = run.Vaccine(2);
        for (int step = 0; step < Warm; step++)
            run.Step(rule);
        long least = long.MaxValue, applied = run.State.Tape.Applied;
        for (int step = 0; step < Steps; step++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            run.Step(rule);
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }

        return (least, (run.State.Tape.Applied - applied) / Steps);
    }

    private static float[] Trained(TinyModel tiny, int threads) => Run(tiny, threads).Weights;

    private static (float[] Weights, long Peak) Run(TinyModel tiny, int threads, bool recompute = false)
    {
        using var run = new TinyRun<float>(tiny, threads, noise: 0.05);
        using var rule = new Vaccine<float>(new VaccineOptions(2), run.Device);
        var trainer = new Trainer<float>(
            run.Device, run.Model.Trainable, run.Objective, rule,
            new(3, new AdamWOptions(0.01), MaxSteps: 2, Recompute: recompute));
        long peak = trainer.Run(tiny.Sequences).PeakActivationBytes;
        return ([.. run.Model.Trainable.SelectMany(parameter => parameter.Value.Span.ToArray())], peak);
    }
}
