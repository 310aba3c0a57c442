using VaccineRef.Core;
using VaccineRef.Experiments.Lab;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>Draws means, intervals and comparisons from a report. The same report gives the same bits.</summary>
public sealed class LabAnalysis
{
    private static readonly RandomStream Random = RandomStream.FromSeed(0).At("lab statistics");
    private static readonly LabMetric[]
        Scores = [LabMetric.HarmfulScore, LabMetric.FinetuneAccuracy],
        Losses = [LabMetric.AlignmentLoss, LabMetric.RefusalLoss, LabMetric.TaskLoss];

    private readonly LabReport _report;
    private readonly LabPreset _preset;
    private readonly Dictionary<LabCell, LabResult> _results;

    private LabAnalysis(LabReport report) =>
        (_report, _preset, _results) = (report, report.Grid.Preset, report.Results.ToDictionary(result => result.Cell));

    /// <summary>Everything that is concluded from a report.</summary>
    public static LabFindings Of(LabReport report)
    {
        var analysis = new LabAnalysis(report);
        var comparisons = analysis.Comparisons();
        var convergence = analysis.Convergence();
        return new(
            LabVerdict.Of(report, comparisons, convergence), comparisons, convergence, [.. analysis.Estimates()], report);
    }

    private LabResult? Find(ulong seed, LabSize size, LabArm arm, LabAttack? attack) =>
        _results.GetValueOrDefault(new(seed, size, arm, attack));

    private IEnumerable<LabArm> Arms => _preset.Arms.Prepend(LabArm.NonAligned).Distinct();

    private IEnumerable<LabEstimate> Estimates() =>
        from size in _preset.Sizes
        from arm in Arms
        from attack in _preset.Attacks.Prepend(null)
        let results = _report.Grid.Seeds.Select(seed => Find(seed, size, arm, attack)).OfType<LabResult>().ToArray()
        let kept = results.Where(result => result.Converged != false).ToArray()
        from metric in Enum.GetValues<LabMetric>()
        let values = (kept.Length > 0 ? kept : results).Select(result => metric.Of(result)).OfType<double>().ToArray()
        where values.Length > 0
        select new LabEstimate(size.Name, arm.Name, attack, metric, Estimate.Of(values, Random.At("bootstrap")), values);

    private LabConvergence[] Convergence() =>
    [
        .. from size in _preset.Sizes
           from arm in _preset.Arms
           where arm.Method is not null
           let aligned = _report.Grid.Seeds.Select(seed => Find(seed, size, arm, null)).OfType<LabResult>().ToArray()
           select new LabConvergence(size.Name, arm.Name, aligned.Count(result => result.Converged == true), aligned.Length),
    ];

    private LabComparison[] Comparisons()
    {
        if (_preset.Arms.FirstOrDefault(arm => arm.Name == _preset.Primary.Control) is not { } control)
            return [];
        var harmful = _preset.Attacks.Where(attack => attack.HarmfulRatio > 0).ToArray();
        IReadOnlyList<LabAttack>[] over =
            [.. harmful.Length > 1 ? [harmful] : (LabAttack[][])[], .. _preset.Attacks.Select(attack => (LabAttack[])[attack])];
        var made = (
            from size in _preset.Sizes
            from arm in _preset.Arms
            where arm != control && arm.Method is not null
            from attacks in over
            from metric in _report.Settings.Recipe is null ? Scores : [.. Scores, .. Losses]
            select Compare(size, arm, control, attacks, metric)).OfType<LabComparison>().ToArray();
        double[] corrected = Holm.Correct([.. made.Select(comparison => comparison.Paired.PermutationP)]);
        return [.. made.Zip(corrected, (comparison, p) => comparison with { CorrectedP = p }).OrderByDescending(each => each.Primary)];
    }

    private LabComparison? Compare(
        LabSize size, LabArm arm, LabArm control, IReadOnlyList<LabAttack> attacks, LabMetric metric)
    {
        var pairs = (
            from seed in _report.Grid.Seeds
            let first = Mean(seed, size, arm, attacks, metric)
            let second = Mean(seed, size, control, attacks, metric)
            where first is not null && second is not null
            select (First: first.Value, Second: second.Value)).ToArray();
        if (pairs.Length == 0)
            return null;
        bool primary = metric == LabMetric.HarmfulScore && size == _preset.Sizes[0] && arm.Name == _preset.Primary.Arm
            && attacks.SequenceEqual(_preset.Primary.Attacks);
        var paired = PairedDifference.Of([.. pairs.Select(pair => pair.First)], [.. pairs.Select(pair => pair.Second)], Random);
        return new(size.Name, arm.Name, control.Name, attacks, metric, primary, paired, paired.PermutationP);
    }

    /// <summary>The mean over attacks on one seed; null unless every cell is there and its alignment converged.</summary>
    private double? Mean(ulong seed, LabSize size, LabArm arm, IReadOnlyList<LabAttack> attacks, LabMetric metric)
    {
        double sum = 0;
        foreach (var attack in attacks)
        {
            if (Find(seed, size, arm, attack) is not { Converged: true } result || metric.Of(result) is not { } value)
                return null;
            sum += value;
        }

        return sum / attacks.Count;
    }
}
