using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>Draws means, intervals and comparisons from a report. The same report gives the same bits.</summary>
public sealed class Analysis
{
    // The stream's name is older than the words used here; another name would draw other resamples.
    private static readonly RandomStream Random = RandomStream.FromSeed(0).At("lab statistics");
    private static readonly ReportMetric[]
        Scores = [ReportMetric.HarmfulScore, ReportMetric.FinetuneAccuracy],
        Losses = [ReportMetric.AlignmentLoss, ReportMetric.RefusalLoss, ReportMetric.TaskLoss];

    private readonly TrialIndex _trials;

    private Analysis(TrialIndex trials) => _trials = trials;

    /// <summary>Where the resamples of means over seeds come from.</summary>
    internal static RandomStream Resampling => Random.At("bootstrap");

    /// <summary>Everything that is concluded from a report.</summary>
    public static Findings Of(ExperimentReport report)
    {
        var analysis = new Analysis(new(report));
        bool single = report.Trials.Count <= 1;
        var comparisons = single ? [] : analysis.Comparisons();
        var convergence = analysis.Convergence();
        var worst = single ? [] : new Sweep(analysis._trials).WorstCases();
        var associations = single ? [] : new Associations(analysis._trials).All();
        return new(
            ExperimentReport.CurrentSchema, new Conclusions(analysis._trials, comparisons, convergence).Sentences(),
            comparisons, convergence,
            single ? [] : [.. analysis.Estimates()], report)
        {
            WorstCases = worst.Count > 0 ? worst : null,
            Dominations = worst.Count > 0 ? Sweep.Dominations(worst) : null,
            Associations = associations.Count > 0 ? associations : null,
        };
    }

    private IEnumerable<ConditionEstimate> Estimates() =>
        from row in _trials.Rows
        from attack in _trials.Attacks.Prepend(null)
        let results = _trials.OverSeeds(row.Model, row.Condition, attack)
        let kept = results.Where(found => found.Converged != false).ToArray()
        from metric in Enum.GetValues<ReportMetric>()
        let values = (kept.Length > 0 ? kept : results).Select(found => metric.Of(found.Result)).OfType<double>()
            .ToArray()
        where values.Length > 0
        select new ConditionEstimate(row.Model, row.Condition, attack, metric, Estimate.Of(values, Resampling), values);

    private ConditionConvergence[] Convergence() =>
    [
        .. from row in _trials.Rows
           where _trials.IsAligned(row.Condition)
           let converged = _trials.Converged(row.Model, row.Condition)
           select new ConditionConvergence(row.Model, row.Condition, converged.Count(each => each), converged.Length),
    ];

    private Comparison[] Comparisons()
    {
        string[] harmful = [.. _trials.Attacks.Where(_trials.IsHarmful)];
        string[][] over = [.. harmful.Length > 1 ? [harmful] : (string[][])[],
            .. _trials.Attacks.Select(attack => (string[])[attack])];
        var made = (
            from row in _trials.Rows
            where row.Condition != _trials.Control && _trials.IsAligned(row.Condition)
            from attacks in over
            from metric in _trials.IsOfTheWorld ? Scores : [.. Scores, .. Losses]
            select Compare(row.Model, row.Condition, attacks, metric, harmful)).OfType<Comparison>().ToArray();
        double[] corrected = Holm.Correct([.. made.Select(comparison => comparison.Paired.PermutationP)]);
        return [.. made.Zip(corrected, (comparison, p) => comparison with { CorrectedP = p })
            .OrderByDescending(each => each.Primary)];
    }

    private Comparison? Compare(string model, string condition, string[] attacks, ReportMetric metric, string[] harmful)
    {
        var pairs = (
            from seed in _trials.Seeds
            let first = Mean(seed, model, condition, attacks, metric)
            let second = Mean(seed, model, _trials.Control, attacks, metric)
            where first is not null && second is not null
            select (First: first.Value, Second: second.Value)).ToArray();
        if (pairs.Length == 0)
            return null;
        bool primary = metric == ReportMetric.HarmfulScore && model == _trials.Models[0]
            && condition == _trials.Report.Options.Primary
            && attacks.SequenceEqual(harmful);
        var paired = PairedDifference.Of(
            [.. pairs.Select(pair => pair.First)], [.. pairs.Select(pair => pair.Second)], Random);
        return new(model, condition, _trials.Control, attacks, metric, primary, paired, paired.PermutationP);
    }

    /// <summary>
    /// The mean over attacks on one seed; null if one is missing, or if an alignment did not converge.
    /// </summary>
    private double? Mean(ulong seed, string model, string condition, string[] attacks, ReportMetric metric)
    {
        double sum = 0;
        foreach (string attack in attacks)
        {
            if (_trials.Find(seed, model, condition, attack) is not { Converged: not false } found
                || metric.Of(found.Result) is not { } value)
                return null;
            sum += value;
        }

        return sum / attacks.Length;
    }
}
