using BenchmarkDotNet.Running;
using VaccineRef.Bench;

BenchmarkSwitcher.FromTypes([typeof(MatmulBenchmarks), typeof(StepBenchmarks)]).Run(args);
