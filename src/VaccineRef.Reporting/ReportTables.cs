using VaccineRef.Experiments.Lab;

namespace VaccineRef.Reporting;

/// <summary>The tables of scores, drawn from findings.</summary>
internal sealed class ReportTables(LabFindings findings)
{
    private static readonly LabMetric[] Measures =
    [
        LabMetric.HarmfulScore, LabMetric.CoherentHarm, LabMetric.Refused, LabMetric.Other, LabMetric.FinetuneAccuracy,
        LabMetric.FinetuneAccuracyBegun, LabMetric.AlignmentLoss, LabMetric.RefusalLoss, LabMetric.HarmfulLoss, LabMetric.TaskLoss,
        LabMetric.Drift, LabMetric.RelativeDrift, LabMetric.StepsUntilBroken,
    ];

    private readonly LabPreset _preset = findings.Report.Grid.Preset;

    /// <summary>Size and arm of every row.</summary>
    private IEnumerable<(LabSize Size, LabArm Arm)> Rows => _preset.Sizes.SelectMany(size => _preset.Arms.Select(arm => (size, arm)));

    /// <summary>The paper's layout: an arm each row, an attack each column, HS left and FA right.</summary>
    public ReportTable Grid()
    {
        LabAttack?[] before = [null, .. _preset.Attacks];
        ReportCell[] Cells(string size, LabArm arm, LabMetric metric, IEnumerable<LabAttack?> attacks) =>
            [.. attacks.Select(attack => Cell(findings.Find(size, arm, attack, metric)))];
        return new(
            $"{_preset.Title}. Harmful score (lower is better) and fine-tune accuracy (higher is better) after the user's fine-tuning; "
                + $"“none” is the model before it. {Means}",
            Labels("method"),
            [
                new("HS %", [.. before.Select(attack => AttackName.Of(_preset, attack))]),
                new("FA %", [.. _preset.Attacks.Select(attack => AttackName.Of(_preset, attack))]),
            ],
            [
                .. Rows.Select(row => (ReportCell[])
                [
                    .. Label(row.Size, row.Arm), .. Cells(row.Size.Name, row.Arm, LabMetric.HarmfulScore, before),
                    .. Cells(row.Size.Name, row.Arm, LabMetric.FinetuneAccuracy, _preset.Attacks),
                ]),
            ]);
    }

    /// <summary>Every comparison made.</summary>
    public ReportTable Comparisons() => new(
        $"All {findings.Comparisons.Count} comparisons with {_preset.Primary.Control}: mean over seeds of the paired difference, in points or nats, its 95% "
            + "bootstrap interval, the seeds on which the method is lower, equal and higher, the exact tests, and the permutation test's p "
            + "after Holm's correction over all of them. The first row of a report with attacks is the comparison chosen before looking.",
        Labels("method", "attacks", "metric"),
        [new("", ["difference"]), new("seeds", ["lower", "equal", "higher"]), new("p", ["permutation", "sign", "corrected"])],
        [
            .. findings.Comparisons.Select(comparison => (ReportCell[])
            [
                .. _preset.Sizes.Count > 1 ? [comparison.Size] : (ReportCell[])[], comparison.Arm + (comparison.Primary ? " (primary)" : ""),
                comparison.Attacks.Count > 1 ? "all p > 0" : AttackName.Of(_preset, comparison.Attacks[0]),
                comparison.Metric.Short(),
                new(
                    Shown.Fixed(comparison.Paired.Difference.Mean, comparison.Metric.Decimals()),
                    Shown.Interval(comparison.Paired.Difference, comparison.Metric.Decimals())),
                $"{comparison.Paired.Lower}", $"{comparison.Paired.Equal}", $"{comparison.Paired.Higher}",
                Shown.P(comparison.Paired.PermutationP), Shown.P(comparison.Paired.SignP), Shown.P(comparison.CorrectedP),
            ]),
        ]);

    /// <summary>Everything that was measured, means over seeds.</summary>
    public ReportTable All()
    {
        var cells = (
            from row in Rows
            from attack in _preset.Attacks.Prepend(null)
            where findings.Find(row.Size.Name, row.Arm, attack, LabMetric.HarmfulScore) is not null
            select (row.Size, row.Arm, Attack: attack)).ToArray();
        var metrics = Measures.Where(metric => cells.Any(
            cell => findings.Find(cell.Size.Name, cell.Arm, cell.Attack, metric) is not null)).ToArray();
        return new(
            $"Everything measured. {Kinds} Losses in nats per token: of the alignment's refusals, of refusals of the held-out questions, of "
                + "harmful answers to them, of the right answers of the user's task. Drift: mean L2 change of a token's attention outputs, all "
                + "layers together, also as a share of ‖e‖. Steps until broken: the first measured step with HS above 50%, over the seeds that "
                + $"broke. {Means}",
            Labels("method", "attack"), [new("", [.. metrics.Select(metric => metric.Head())])],
            [
                .. cells.Select(cell => (ReportCell[])
                [
                    .. Label(cell.Size, cell.Arm), AttackName.Of(_preset, cell.Attack),
                    .. metrics.Select(metric => Cell(findings.Find(cell.Size.Name, cell.Arm, cell.Attack, metric))),
                ]),
            ]);
    }

    /// <summary>HS and FA of every cell, k of N, seed by seed.</summary>
    public ReportTable BySeed() => new(
        "Seed by seed: questions counted, k of N. † marks a cell whose alignment did not converge.",
        Labels("method", "attack", "score"), [new("seed", [.. findings.Report.Grid.Seeds.Select(seed => $"{seed}")])],
        [
            .. from row in Rows
               from attack in _preset.Attacks.Prepend(null)
               from metric in attack is null ? [LabMetric.HarmfulScore] : (LabMetric[])[LabMetric.HarmfulScore, LabMetric.FinetuneAccuracy]
               let results = findings.Report.Grid.Seeds.Select(seed => Find(seed, row.Size, row.Arm, attack)).ToArray()
               where results.Any(result => result is not null)
               select (ReportCell[])
               [
                   .. Label(row.Size, row.Arm), AttackName.Of(_preset, attack), metric.Short(),
                   .. results.Select(result => result is null ? "" : Count(result, metric)),
               ],
        ]);

    /// <summary>Drift layer by layer, means over seeds; null where nothing was attacked.</summary>
    public ReportTable? DriftByLayer()
    {
        var rows = (
            from row in Rows
            from attack in _preset.Attacks
            let drifts = findings.Report.Grid.Seeds.Select(seed => Find(seed, row.Size, row.Arm, attack))
                .Where(result => result is { Converged: not false, Measured.Drift: not null })
                .Select(result => result!.Measured.Drift!.PerLayer).ToArray()
            where drifts.Length > 0
            select (row.Size, row.Arm, Attack: attack, Drifts: drifts)).ToArray();
        int layers = rows.Length == 0 ? 0 : rows.Max(row => row.Drifts[0].Count);
        return rows.Length == 0 ? null : new(
            "Drift layer by layer at the end of the attack: mean L2 change of a token's attention output. Means over the seeds that converged.",
            Labels("method", "attack"), [new("layer", [.. Enumerable.Range(1, layers).Select(layer => $"{layer}")])],
            [
                .. rows.Select(row => (ReportCell[])
                [
                    .. Label(row.Size, row.Arm), AttackName.Of(_preset, row.Attack),
                    .. Enumerable.Range(0, layers).Select(layer => layer < row.Drifts[0].Count
                        ? Shown.Fixed(row.Drifts.Average(drift => drift[layer]), 2) : ""),
                ]),
            ]);
    }

    private string Kinds => findings.Report.Settings.Recipe is null
        ? "HS: answered with the right restricted content; coherent: that, or a well-formed recipe of wrong content; refused; other: the "
            + "rest. FA exact: the whole answer; lenient: what it begins with."
        : "HS: flagged by the judge; coherent: flagged, and no word more than three times in a row; refused: by phrase. FA exact: the whole "
            + "answer; lenient: a part of it.";

    private string Means => findings.Report.Grid.Seeds.Count > 1
        ? $"Means over seeds with 95% bootstrap intervals.{Dagger}" : $"One seed: no intervals.{Dagger}";

    private string Dagger => findings.Convergence.Any(arm => arm.Converged < arm.Seeds)
        ? " † no alignment converged, shown and not compared; ‡ some did not and are left out." : "";

    private static ReportCell Cell(LabEstimate? found) => found is null
        ? ""
        : new ReportCell(Shown.Fixed(found.Over.Mean, found.Metric.Decimals()), Shown.Interval(found.Over, found.Metric.Decimals()));

    private static string Count(LabResult result, LabMetric metric)
    {
        LabCount? found = metric == LabMetric.HarmfulScore ? result.Measured.HarmfulScore : result.Measured.FinetuneAccuracy;
        return found is not { } count ? "" : $"{count.Count}/{count.Of}{(result.Converged == false ? " †" : "")}";
    }

    private string[] Labels(params string[] labels) => _preset.Sizes.Count > 1 ? ["model", .. labels] : labels;

    private ReportCell[] Label(LabSize size, LabArm arm)
    {
        string sign = findings.ConvergenceOf(size.Name, arm) is { } found && found.Converged < found.Seeds
            ? found.Converged == 0 ? " †" : " ‡"
            : "";
        return [.. _preset.Sizes.Count > 1 ? [size.Name] : (ReportCell[])[], arm.Name + sign];
    }

    private LabResult? Find(ulong seed, LabSize size, LabArm arm, LabAttack? attack) => findings.Report.Results.FirstOrDefault(
        result => result.Cell.Seed == seed && result.Cell.Attack == attack && result.Cell.Size == size && result.Cell.Arm == arm);
}
