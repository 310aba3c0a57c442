using BenchmarkDotNet.Attributes;
using VaccineRef.Core;

namespace VaccineRef.Bench;

/// <summary>Every op of <see cref="OpWork.All"/>, forward and backward.</summary>
public class OpBenchmarks
{
    private CpuDevice _device = null!;
    private OpCall _call = null!;

    [ParamsSource(nameof(Ops))]
    public OpWork Op { get; set; } = null!;

    [ParamsSource(typeof(Teams), nameof(Teams.Sizes))]
    public int Threads { get; set; }

    public static OpWork[] Ops => OpWork.All;

    [GlobalSetup]
    public void Setup()
    {
        _device = new CpuDevice(Threads);
        _call = new OpCall(_device, Op.Op, Op.Shapes, Op.Ids);
        _call.Forward();
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _call.Dispose();
        _device.Dispose();
    }

    [Benchmark]
    public void Forward() => _call.Forward();

    [Benchmark]
    public void Backward() => _call.Backward();
}

/// <summary>The sizes of team that are measured.</summary>
public static class Teams
{
    /// <summary>One thread, and one for each core.</summary>
    public static int[] Sizes => Environment.ProcessorCount == 1 ? [1] : [1, Environment.ProcessorCount];
}
