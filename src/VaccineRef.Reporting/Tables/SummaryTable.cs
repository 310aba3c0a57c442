using VaccineRef.Experiments.Grid;

namespace VaccineRef.Reporting;

/// <summary>
/// A grid's table as far as it is known: a condition each row, an attack each column, mean HS and FA over the seeds
/// that are finished. It is what the terminal draws while a grid fills.
/// </summary>
public static class SummaryTable
{
    /// <summary>The column heads.</summary>
    /// <param name="report">All trials, with what is found so far.</param>
    public static IReadOnlyList<string> Header(ExperimentReport report) =>
        ["HS / FA", .. report.Models.Count > 1 ? (string[])["model"] : [], "aligned", .. report.Attacks, "s/step",
            "passes", "MB"];

    /// <summary>
    /// The rows. A cell holds the means over the seeds whose alignment converged, and how many of the grid's seeds
    /// those are where it is not all of them; where no alignment converged, the means are over what is there. A row
    /// says so too.
    /// </summary>
    /// <param name="report">All trials, with what is found so far.</param>
    public static IReadOnlyList<IReadOnlyList<string>> Rows(ExperimentReport report)
    {
        var trials = new TrialIndex(report);
        return
        [
            .. trials.Rows.Select(row => (IReadOnlyList<string>)
            [
                row.Condition + Failed(trials.Converged(row.Model, row.Condition)),
                .. trials.Models.Count > 1 ? (string[])[row.Model] : [],
                .. trials.Attacks.Prepend(null)
                    .Select(attack => Text(trials.OverSeeds(row.Model, row.Condition, attack), trials.Seeds.Count)),
                .. Cost(trials, row.Model, row.Condition),
            ]),
        ];
    }

    private static string Failed(bool[] converged)
    {
        int failed = converged.Count(each => !each);
        return failed == 0 ? "" : failed == converged.Length
            ? " (did not converge)"
            : $" ({failed} of {converged.Length} did not converge)";
    }

    private static string Text(Found[] found, int seeds)
    {
        var good = found.Where(each => each.Converged != false).ToArray();
        var shown = good.Length > 0 ? good : found;
        string?[] means = [Mean(shown, ReportMetric.HarmfulScore), Mean(shown, ReportMetric.FinetuneAccuracy)];
        if (means[0] is null && means[1] is null)
            return "";
        return string.Join(" / ", means.Select((mean, i) => mean ?? (i == 0 ? "–" : null)).OfType<string>())
            + (shown.Length < seeds ? $" ({shown.Length} of {seeds})" : "");
    }

    private static string? Mean(Found[] found, ReportMetric metric) =>
        found.Select(each => metric.Of(each.Result)).OfType<double>().ToArray() is { Length: > 0 } values
            ? NumberFormat.Fixed(values.Average(), 1)
            : null;

    private static string[] Cost(TrialIndex trials, string model, string condition)
    {
        var aligned = trials.Alignments(model, condition);
        if (aligned.FirstOrDefault()?.Cost is not { } cost)
            return ["", "", ""];
        double[] seconds = [.. aligned.Select(result => result.Times?.SecondsPerStep).OfType<double>()];
        return
        [
            seconds.Length > 0 ? NumberFormat.Fixed(seconds.Average(), 4) : "",
            $"{Passes(cost.ForwardsPerStep)}F {Passes(cost.ReversesPerStep)}B", NumberFormat.Megabytes(cost.PeakBytes),
        ];
    }

    private static string Passes(double count) =>
        count.ToString("0.##", System.Globalization.CultureInfo.InvariantCulture);
}
