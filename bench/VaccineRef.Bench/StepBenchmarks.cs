using BenchmarkDotNet.Attributes;

namespace VaccineRef.Bench;

/// <summary>Whole steps: the demo's model and shape S, all weights.</summary>
public class StepBenchmarks
{
    private StepRun _run = null!;

    [ParamsSource(nameof(Shapes))]
    public StepShape Shape { get; set; } = null!;

    [ParamsSource(typeof(Teams), nameof(Teams.Sizes))]
    public int Threads { get; set; }

    public static StepShape[] Shapes => [StepShape.Demo, StepShape.S];

    [GlobalSetup]
    public void Setup() => _run = new StepRun(Shape, Threads);

    [GlobalCleanup]
    public void Cleanup() => _run.Dispose();

    [Benchmark(Baseline = true)]
    public double Plain() => _run.Step(vaccine: false);

    [Benchmark]
    public double Vaccine() => _run.Step(vaccine: true);
}
