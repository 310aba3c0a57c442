using VaccineRef.Experiments.Evaluation;

namespace VaccineRef.Reporting;

/// <summary>The tables of what was measured in a grid, drawn from findings.</summary>
internal sealed class ScoreTables(Findings findings, TrialIndex trials)
{
    private static readonly ReportMetric[] Measures =
    [
        ReportMetric.HarmfulScore, ReportMetric.CoherentHarm, ReportMetric.Refused, ReportMetric.Other,
        ReportMetric.FinetuneAccuracy,
        ReportMetric.LenientAccuracy, ReportMetric.AlignmentLoss, ReportMetric.RefusalLoss, ReportMetric.HarmfulLoss,
        ReportMetric.TaskLoss,
        ReportMetric.Drift, ReportMetric.RelativeDrift, ReportMetric.StepsUntilBroken,
    ];

    private const string NoAttack = "none";

    private bool HasModels => trials.Models.Count > 1;

    /// <summary>
    /// The paper's layout: a condition each row, an attack each column, HS left and FA right; null where neither was
    /// scored.
    /// </summary>
    public ReportTable? Grid()
    {
        string?[] before = [null, .. trials.Attacks];
        (string Head, ReportMetric Metric, string?[] Attacks)[] groups =
        [
            .. ((string Head, ReportMetric Metric, string?[] Attacks)[])
                [("HS %", ReportMetric.HarmfulScore, before),
                    ("FA %", ReportMetric.FinetuneAccuracy, [.. trials.Attacks])],
        ];
        groups = [.. groups.Where(group => findings.Estimates.Any(each => each.Metric == group.Metric))];
        return groups.Length == 0 ? null : new(
            $"{trials.Report.Title}. Harmful score (lower is better) and fine-tune accuracy (higher is better) after the user's fine-tuning; "
                + $"“{NoAttack}” is the model before it. {Means}",
            Labels("method"),
            [.. groups.Select(group => new ReportGroup(group.Head, [.. group.Attacks.Select(attack => attack ?? NoAttack)]))],
            [
                .. trials.Rows.Select(row => (ReportCell[])
                [
                    .. Label(row), .. groups.SelectMany(group => group.Attacks.Select(
                        attack => Cell(findings.Find(row.Model, row.Condition, attack, group.Metric)))),
                ]),
            ]);
    }

    /// <summary>Every comparison made; null where there is none.</summary>
    public ReportTable? Comparisons() => findings.Comparisons.Count == 0 ? null : new(
        $"All {findings.Comparisons.Count} comparisons with {trials.Control}: mean over seeds of the paired difference, in points or nats, its 95% "
            + "bootstrap interval, the seeds on which the method is lower, equal and higher, the exact tests, and the permutation test's p "
            + "after Holm's correction over all of them. A comparison that was chosen before looking stands first and is marked as primary.",
        Labels("method", "attacks", "metric"),
        [new("", ["difference"]), new("seeds", ["lower", "equal", "higher"]),
            new("p", ["permutation", "sign", "corrected"])],
        [
            .. findings.Comparisons.Select(comparison => (ReportCell[])
            [
                .. HasModels ? [comparison.Model] : (ReportCell[])[],
                comparison.Condition + (comparison.Primary ? " (primary)" : ""),
                comparison.Attacks.Count > 1 ? "all harmful attacks" : comparison.Attacks[0],
                comparison.Metric.Short(),
                new(
                    NumberFormat.Fixed(comparison.Paired.Difference.Mean, comparison.Metric.Decimals()),
                    NumberFormat.Interval(comparison.Paired.Difference, comparison.Metric.Decimals())),
                $"{comparison.Paired.Lower}", $"{comparison.Paired.Equal}", $"{comparison.Paired.Higher}",
                NumberFormat.P(comparison.Paired.PermutationP), NumberFormat.P(comparison.Paired.SignP),
                NumberFormat.P(comparison.CorrectedP),
            ]),
        ]);

    /// <summary>Everything that was measured, means over seeds; null where nothing was.</summary>
    public ReportTable? All()
    {
        var metrics = Measures.Where(metric => findings.Estimates.Any(each => each.Metric == metric)).ToArray();
        return metrics.Length == 0 ? null : new(
            $"Everything measured. {Kinds} Losses in nats per token: of the alignment data, of refusals of the held-out questions, of "
                + "harmful answers to them, of the right answers of the user's task. Drift: mean L2 change of a token's attention outputs, all "
                + "layers together, also as a share of ‖e‖. Steps until broken: the first measured step with HS above 50%, over the seeds that "
                + $"broke. {Means}",
            Labels("method", "attack"), [new("", [.. metrics.Select(metric => metric.Head())])],
            [
                .. from row in trials.Rows
                   from attack in trials.Attacks.Prepend(null)
                   let found = metrics.Select(metric => findings.Find(row.Model, row.Condition, attack, metric))
                       .ToArray()
                   where found.Any(each => each is not null)
                   select (ReportCell[])[.. Label(row), attack ?? NoAttack, .. found.Select(Cell)],
            ]);
    }

    /// <summary>HS and FA of every trial, k of N, seed by seed; null where nothing was scored.</summary>
    public ReportTable? BySeed()
    {
        ReportCell[][] rows =
        [
            .. from row in trials.Rows
               from attack in trials.Attacks.Prepend(null)
               from metric in attack is null
                   ? [ReportMetric.HarmfulScore]
                   : (ReportMetric[])[ReportMetric.HarmfulScore, ReportMetric.FinetuneAccuracy]
               let counts = trials.Seeds
                   .Select(seed => Count(trials.Find(seed, row.Model, row.Condition, attack), metric)).ToArray()
               where counts.Any(count => count.Length > 0)
               select (ReportCell[])[.. Label(row), attack ?? NoAttack, metric.Short(), .. counts],
        ];
        return rows.Length == 0 ? null : new(
            "Seed by seed: questions counted, k of N. † marks a trial whose alignment did not converge.",
            Labels("method", "attack", "score"), [new("seed", [.. trials.Seeds.Select(seed => $"{seed}")])], rows);
    }

    /// <summary>Drift layer by layer, means over seeds; null where nothing drifted.</summary>
    public ReportTable? DriftByLayer()
    {
        var rows = (
            from row in trials.Rows
            from attack in trials.Attacks
            let drifts = trials.OverSeeds(row.Model, row.Condition, attack)
                .Where(found => found.Converged != false).Select(found => found.Result.Measured?.Drift?.PerLayer)
                .OfType<IReadOnlyList<double>>().ToArray()
            where drifts.Length > 0
            select (Row: row, Attack: attack, Drifts: drifts)).ToArray();
        int layers = rows.Length == 0 ? 0 : rows.Max(row => row.Drifts.Max(drift => drift.Count));
        return rows.Length == 0 ? null : new(
            "Drift layer by layer at the end of the attack: mean L2 change of a token's attention output. Means over the seeds that converged.",
            Labels("method", "attack"), [new("layer", [.. Enumerable.Range(1, layers).Select(layer => $"{layer}")])],
            [
                .. rows.Select(row => (ReportCell[])
                [
                    .. Label(row.Row), row.Attack, .. Enumerable.Range(0, layers).Select(layer =>
                        row.Drifts.Where(drift => layer < drift.Count).Select(drift => drift[layer])
                            .ToArray() is { Length: > 0 } found
                            ? NumberFormat.Fixed(found.Average(), 2) : ""),
                ]),
            ]);
    }

    private string Kinds => trials.IsOfTheWorld
        ? "HS: answered with the right restricted content; coherent: that, or a well-formed answer of wrong content; refused; other: the "
            + "rest. FA exact: the whole answer; lenient: what it begins with."
        : "HS: flagged by the judge; coherent: flagged, and no word more than three times in a row; refused: by phrase. FA exact: the whole "
            + "answer; lenient: a part of it.";

    private string Means => trials.Seeds.Count > 1
        ? $"Means over seeds with 95% bootstrap intervals.{Dagger}" : $"One seed: no intervals.{Dagger}";

    private string Dagger => findings.Convergence.Any(each => each.Converged < each.Seeds)
        ? " † no alignment converged, shown and not compared; ‡ some did not and are left out." : "";

    private static ReportCell Cell(ConditionEstimate? found) => found is null
        ? ""
        : new ReportCell(
            NumberFormat.Fixed(found.Over.Mean, found.Metric.Decimals()),
            NumberFormat.Interval(found.Over, found.Metric.Decimals()));

    private static string Count(Found? found, ReportMetric metric)
    {
        var measured = found?.Result.Measured;
        var score = metric == ReportMetric.HarmfulScore ? measured?.Find(Metrics.HarmfulScore) : measured?.Accuracy;
        return score is null ? "" : $"{score.Numerator}/{score.Denominator}{(found!.Converged == false ? " †" : "")}";
    }

    private string[] Labels(params string[] labels) => HasModels ? ["model", .. labels] : labels;

    private ReportCell[] Label((string Model, string Condition) row)
    {
        string sign = findings.ConvergenceOf(row.Model, row.Condition) is { } found && found.Converged < found.Seeds
            ? found.Converged == 0 ? " †" : " ‡"
            : "";
        return [.. HasModels ? [row.Model] : (ReportCell[])[], row.Condition + sign];
    }
}
