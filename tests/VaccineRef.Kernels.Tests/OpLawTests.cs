using VaccineRef.Core;
using VaccineRef.Gpu;
using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>
/// The laws of <see cref="OpLaws"/> on every op of this program, on the processor and on every GPU of this machine.
/// ILGPU's simulator is available on every machine. What holds for a single op only is in <see cref="OwnLaws"/>.
/// </summary>
public sealed class OpLawTests(GpuDevices gpus) : IClassFixture<GpuDevices>, IDisposable
{
    /// <summary>The ops that have no derivative or hold memory of a device; they have tests of their own.</summary>
    private static readonly string[] Apart = ["CachedAttention", "FrozenLinear", "GreedyToken"];

    private readonly CpuDevice _cpu = new(1);

    public static TheoryData<string> Laws => [.. OpLaws.All.Select(law => law.Name)];

    public void Dispose() => _cpu.Dispose();

    [Theory]
    [MemberData(nameof(Laws))]
    public void Every_op_obeys_on_the_processor(string law) => Every(law, _cpu, law is "device");

    /// <summary>The laws about the device itself. The others follow, since it gives what the processor gives.</summary>
    [Theory]
    [InlineData("device")]
    [InlineData("only its outputs")]
    [InlineData("unwanted gradient")]
    [InlineData("reads")]
    [InlineData("overwrites")]
    public void Every_op_obeys_on_every_gpu(string law)
    {
        foreach (var gpu in gpus.All)
            Every(law, gpu, notOffered: false);
    }

    [Theory]
    [InlineData(2, 4099, 3, 2)]             // beyond a strip of columns
    [InlineData(150, 5, 3, 9)]              // beyond a chunk of rows
    public void Backward_is_the_transposed_derivative_beyond_one_block(int n, int c, int h, int v)
    {
        foreach (var subject in OpCases.All)
            OpLaws.Named("transposed derivative").CheckCase(new(subject, _cpu), new(n, c, h, v, 7));
    }

    [Fact]
    public void Every_op_has_a_case()
    {
        var smallest = new Sizes(1, 1, 1, 1, 0);
        var covered = OpCases.All.Select(subject => subject.Double(smallest).GetType().Name[..^2]);
        var missing = Types().Where(type => Derives(type, typeof(Op<>))).Select(type => type.Name[..^2])
            .Except(covered).Except(Apart);
        Assert.Empty(missing);
    }

    [Fact]
    public void Every_op_and_routine_has_a_gpu_half()
    {
        var missing = Types().Where(type => (Derives(type, typeof(Op<>)) && !Has(type, typeof(IGpuOp<>)))
            || (Derives(type, typeof(Routine<>)) && !Has(type, typeof(IGpuRoutine<>))));
        Assert.Empty(missing);

        static bool Has(Type type, Type half) =>
            type.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == half);
    }

    private static void Every(string law, Device device, bool notOffered)
    {
        var results = OpCases.All.Select(subject => OpLaws.Run(OpLaws.Named(law), subject, device)).ToArray();
        LawException.ThrowIfBroken(results);
        foreach (var (subject, result) in OpCases.All.Zip(results))
            Assert.Equal(
                notOffered || (law == "scalar oracle" && subject.Expression is null)
                    ? LawOutcome.NotChecked
                    : LawOutcome.Holds,
                result.Outcome);
    }

    private static IEnumerable<Type> Types() =>
        typeof(Kernels.Add<>).Assembly.GetTypes().Where(type => !type.IsAbstract);

    private static bool Derives(Type? type, Type ancestor) => type is not null
        && ((type.IsGenericType && type.GetGenericTypeDefinition() == ancestor) || Derives(type.BaseType, ancestor));
}
