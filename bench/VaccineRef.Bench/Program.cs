using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Perfolizer.Horology;
using VaccineRef.Bench;
using VaccineRef.Models;

switch (args)
{
    case ["sweep", var threads, var batch]:
        SequenceSweep.Row(int.Parse(threads), batch);
        return;
    case ["sweep", var threads]:
        SequenceSweep.Run(int.Parse(threads));
        return;
    case ["memory", var threads, .. var row]:
        StepMemory.Run(int.Parse(threads), row);
        return;
    case ["checkpoint", var folder, var layers, var type]:
        LargeCheckpoint.Write(folder, int.Parse(layers), Enum.Parse<TensorType>(type));
        return;
    case ["load", var folder]:
        LargeCheckpoint.Load(folder);
        return;
    case ["rules", var shape, var threads]:
        RuleMemory.Run(StepShape.Known.Single(known => known.Name == shape), int.Parse(threads));
        return;
    case ["profile", var shape, var threads]:
        StepProfile.Run(shape, int.Parse(threads));
        return;
}

// In this process, and briefly: everything ends in minutes.
var job = Job.Default.WithToolchain(InProcessEmitToolchain.Instance)
    .WithEvaluateOverhead(false).WithMinInvokeCount(1).WithUnrollFactor(1)
    .WithWarmupCount(1).WithIterationCount(5).WithIterationTime(TimeInterval.FromMilliseconds(40));
var config = ManualConfig.CreateEmpty().AddJob(job).AddColumnProvider(DefaultColumnProviders.Instance)
    .AddColumn(new RateColumn(), new PeakColumn()).HideColumns("Error", "StdDev", "RatioSD")
    .WithSummaryStyle(SummaryStyle.Default.WithMaxParameterColumnWidth(40)).AddLogger(ConsoleLogger.Default)
    .AddExporter(MarkdownExporter.GitHub);
BenchmarkSwitcher.FromTypes(
    [typeof(OpBenchmarks), typeof(RoutineBenchmarks), typeof(MatmulBenchmarks), typeof(StepBenchmarks)])
    .Run(args, config);
