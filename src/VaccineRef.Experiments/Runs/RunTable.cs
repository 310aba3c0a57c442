using System.Globalization;
using System.Text;

namespace VaccineRef.Experiments.Runs;

/// <summary>Runs side by side: the rows of a comparison, as cells and as Markdown.</summary>
public static class RunTable
{
    private static readonly string[] Fixed = ["run", "method", "p", "n", "seed", "moment"];

    // Metrics that mean something else with another judge: each has a column of its own.
    private static readonly string[] Judged = ["harmful score", "finetune accuracy"];

    /// <summary>The header: what identifies a row, every metric any run has, alignment loss and drift.</summary>
    public static IReadOnlyList<string> Header(IReadOnlyList<RunReport> runs) =>
        [.. Fixed, .. Metrics(runs), "alignment loss", "drift per token"];

    /// <summary>One row per run and moment. A score is written as "k/N (percent)".</summary>
    public static IEnumerable<IReadOnlyList<string>> Rows(IReadOnlyList<RunReport> runs)
    {
        var metrics = Metrics(runs);
        foreach (var run in runs)
            foreach (var measured in run.Measurements)
                yield return
                [
                    run.Name, run.Method, Text(run.HarmfulRatio), Text(run.Samples), Text(run.Seed), measured.Moment,
                    .. metrics.Select(metric => measured.Scores.FirstOrDefault(score => Key(score) == metric) is { } score
                        ? string.Create(CultureInfo.InvariantCulture, $"{score.Numerator}/{score.Denominator} ({score.Percentage:F1})")
                        : ""),
                    measured.AlignmentLoss is { } loss ? loss.ToString("F4", CultureInfo.InvariantCulture) : "",
                    measured.Drift is { } drift ? drift.PerToken.ToString("F3", CultureInfo.InvariantCulture) : "",
                ];
    }

    /// <summary>The table as Markdown.</summary>
    public static string Markdown(IReadOnlyList<RunReport> runs)
    {
        var header = Header(runs);
        var text = new StringBuilder();
        void Line(IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
        Line(header);
        Line(header.Select(_ => "---"));
        foreach (var row in Rows(runs))
            Line(row);
        return text.ToString();
    }

    private static string[] Metrics(IReadOnlyList<RunReport> runs) =>
        [.. runs.SelectMany(run => run.Measurements).SelectMany(measured => measured.Scores).Select(Key).Distinct()];

    private static string Key(Evaluation.Score score) =>
        Judged.Any(metric => score.Metric.StartsWith(metric, StringComparison.Ordinal))
            ? $"{score.Metric}, {score.Judge}"
            : score.Metric;

    private static string Text<TValue>(TValue? value) => value is null ? "" : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";
}
