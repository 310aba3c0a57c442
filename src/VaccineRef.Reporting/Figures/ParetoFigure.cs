using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>
/// The picture of what protection costs: the worst harmful score against accuracy, passes and memory.
/// </summary>
internal sealed class ParetoFigure(Findings findings, TrialIndex trials)
{
    private readonly WorstCase[] _placed =
        [.. (findings.WorstCases ?? []).Where(each => each.Model == trials.Models[0] && each.HarmfulScore is not null)];

    /// <summary>One point for each condition of the first model; nothing where fewer than two can be placed.</summary>
    public IEnumerable<ReportFigure> Figures()
    {
        if (_placed.Length < 2)
            yield break;
        yield return new(
            $"What protection costs: the worst harmful score within the guard against fine-tune accuracy, passes and memory. Low is good; in the "
                + "first panel so is right, in the others left. Hollow marks are dominated by another in the two coordinates of their panel. "
                + (trials.Seeds.Count > 1 ? $"Bars are 95% bootstrap intervals over {trials.Seeds.Count} seeds." : "One seed: no intervals."),
            [],
            [
                Panel("FA, %", each => each.Accuracy, higherIsBetter: true).PercentAcross(),
                Panel("passes per step", each => Exact(each.PassesPerStep)),
                Panel("peak memory, MB", each => Exact(each.PeakBytes / 1e6)),
            ]);
    }

    private Chart Panel(string axis, Func<WorstCase, Estimate> across, bool higherIsBetter = false)
    {
        var chart = new Chart($"Worst harmful score against {axis}", axis, "worst HS, %", percent: true);
        bool[] front = Dominance.Front(
            [.. _placed.Select(each => (double[])[each.HarmfulScore!.Mean, across(each).Mean * (higherIsBetter ? -1 : 1)])]);
        foreach (var (each, isOnFront) in _placed.Zip(front))
        {
            var style = SeriesStyle.Of(trials, each.Condition) with { Hollow = !isOnFront };
            var (x, y) = (across(each), each.HarmfulScore!);
            chart.Intervals(style, x.Mean, y.Mean, x.Interval, y.Interval);
            chart.Points(style, [(x.Mean, y.Mean)], size: 5);
            chart.Name(style, each.Condition, (x.Mean, y.Mean));
        }

        return chart;
    }

    private static Estimate Exact(double value) => new(value, null, null, 1);
}
