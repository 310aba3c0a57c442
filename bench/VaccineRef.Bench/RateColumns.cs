using System.Collections.Concurrent;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;

namespace VaccineRef.Bench;

/// <summary>Work over median time: GFLOP/s, GB/s or tokens/s.</summary>
internal sealed class RateColumn : IColumn
{
    public string Id => nameof(RateColumn);
    public string ColumnName => "rate";
    public bool AlwaysShow => true;
    public ColumnCategory Category => ColumnCategory.Custom;
    public int PriorityInCategory => 0;
    public bool IsNumeric => true;
    public UnitType UnitType => UnitType.Dimensionless;
    public string Legend => "work / median time";

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) =>
        GetValue(summary, benchmarkCase);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase) => Of(summary, benchmarkCase) switch
    {
        null => "-",
        { Unit: Unit.Flop } rate => $"{rate.Amount / 1e9:F1} GFLOP/s",
        { Unit: Unit.Byte } rate => $"{rate.Amount / 1e9:F1} GB/s",
        var rate => $"{rate.Value.Amount:F0} tokens/s",
    };

    /// <summary>Work per second; null where the benchmark failed.</summary>
    public static Work? Of(Summary summary, BenchmarkCase benchmark) =>
        summary[benchmark]?.ResultStatistics is { } times
        && benchmark.Parameters.Items.Select(item => item.Value).OfType<IWork>().FirstOrDefault() is { } subject
        && subject.Of(benchmark.Descriptor.WorkloadMethod.Name) is var work
            ? work with { Amount = work.Amount / (times.Median * 1e-9) }
            : null;
}

/// <summary>The rate as a fraction of what <see cref="MachinePeak"/> measures with as many threads.</summary>
internal sealed class PeakColumn : IColumn
{
    private readonly ConcurrentDictionary<(Unit, int), double> _peaks = [];

    public string Id => nameof(PeakColumn);
    public string ColumnName => "of peak";
    public bool AlwaysShow => true;
    public ColumnCategory Category => ColumnCategory.Custom;
    public int PriorityInCategory => 1;
    public bool IsNumeric => true;
    public UnitType UnitType => UnitType.Dimensionless;
    public string Legend => "rate / this machine's own: of multiply-adds in registers, or of a copy beyond the caches";

    public bool IsAvailable(Summary summary) => true;

    public bool IsDefault(Summary summary, BenchmarkCase benchmarkCase) => false;

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase, SummaryStyle style) =>
        GetValue(summary, benchmarkCase);

    public string GetValue(Summary summary, BenchmarkCase benchmarkCase)
    {
        if (RateColumn.Of(summary, benchmarkCase) is not { Unit: not Unit.Token } rate)
            return "-";
        int threads = benchmarkCase.Parameters["Threads"] is int asked ? asked : 1;
        return $"{rate.Amount / 1e9 / _peaks.GetOrAdd((rate.Unit, threads), Measure):P0}";
    }

    private static double Measure((Unit Unit, int Threads) of) =>
        of.Unit == Unit.Flop ? MachinePeak.MultiplyAdds(of.Threads) : MachinePeak.Copy(of.Threads);
}
