using BenchmarkDotNet.Attributes;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Bench;

/// <summary>The routines of an optimiser step, on 16 Mi elements.</summary>
public class RoutineBenchmarks
{
    private CpuDevice _device = null!;
    private Arena _arena = null!;
    private View<float>[] _x = [];

    [ParamsSource(nameof(Routines))]
    public RoutineWork Routine { get; set; } = null!;

    [ParamsSource(typeof(Teams), nameof(Teams.Sizes))]
    public int Threads { get; set; }

    public static RoutineWork[] Routines => RoutineWork.All;

    [GlobalSetup]
    public void Setup()
    {
        _device = new CpuDevice(Threads);
        _arena = new Arena(_device);
        _x = [.. Enumerable.Range(0, Routine.Operands)
            .Select(_ => _arena.Allocate<float>(RoutineWork.Shape, clear: true))];
        foreach (var view in _x)
            _device.Run(new FillUniform<float>(RandomStream.FromSeed(1), 0, 1), view);
    }

    [GlobalCleanup]
    public void Cleanup()
    {
        _arena.Dispose();
        _device.Dispose();
    }

    [Benchmark]
    public double Run() => _device.Run(Routine.Routine, _x);
}

/// <summary>A routine and the passes it makes over its operands, one line each.</summary>
/// <param name="Routine">The routine.</param>
/// <param name="Operands">How many views it takes.</param>
/// <param name="Passes">Reads and writes of a view in all.</param>
public sealed record RoutineWork(Routine<float> Routine, int Operands, int Passes) : IWork
{
    /// <summary>Those that a step runs over every weight.</summary>
    public static readonly RoutineWork[] All =
    [
        new(new SquaredNorm<float>(), 1, 1),
        new(new ScaleInPlace<float>(1), 1, 2),
        new(new FirstNonFinite<float>(), 1, 1),
        new(new AdamWStep<float>(1e-9, 0.9, 0.999, 1e-8, 0, step: 10), 4, 7),
        new(new SgdStep<float>(1e-9, 0.9, 0, false, 0, step: 10), 3, 5),
        new(new RmsPropStep<float>(1e-9, 0.99, 1e-8, 0, 0), 3, 5),
    ];

    /// <summary>Of every operand.</summary>
    public static Shape Shape => new(16384, 1024);

    /// <inheritdoc/>
    public Work Of(string method) => new(4.0 * Shape.Count * Passes, Unit.Byte);

    /// <summary>How BenchmarkDotNet shows it.</summary>
    public override string ToString() => Routine.Name;
}
