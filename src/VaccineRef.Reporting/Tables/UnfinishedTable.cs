using System.Globalization;
using VaccineRef.Experiments.Grid;

namespace VaccineRef.Reporting;

/// <summary>The table of what was measured in stages that failed, before they did.</summary>
internal static class UnfinishedTable
{
    private static readonly ReportMetric[] Losses =
    [
        ReportMetric.AlignmentLoss, ReportMetric.RefusalLoss, ReportMetric.Drift,
    ];

    /// <summary>The table; null where no stage failed after a measurement.</summary>
    public static ReportTable? Of(ExperimentReport report)
    {
        var points = (
            from trial in report.Trials
            from stage in trial.Stages
            where report.Unfinished?.ContainsKey(stage.Hash) == true
            let found = report.Unfinished![stage.Hash]
            from point in found.Curve
            select (Trial: trial, point.Step, Found: found with { Measured = point.Measured })).ToArray();
        string[] scores = ScoreColumns.Of(points.Select(each => each.Found.Measured!));
        return points.Length == 0 ? null : new(
            "What was measured in stages that failed, before they did. Losses are in nats per token.",
            ["seed", "condition", "stage", "after step"],
            [new("", [.. scores, .. Losses.Select(metric => metric.Head())])],
            [
                .. points.Select(each => (ReportCell[])
                [
                    each.Trial.Seed.ToString(CultureInfo.InvariantCulture), each.Trial.Condition, each.Found.Stage,
                    each.Step.ToString(CultureInfo.InvariantCulture),
                    .. scores.Select(column => NumberFormat.Score(ScoreColumns.Find(each.Found.Measured!, column))),
                    .. Losses.Select(metric => metric.Of(each.Found) is { } value ? NumberFormat.Fixed(value, metric.Decimals()) : ""),
                ]),
            ]);
    }
}
