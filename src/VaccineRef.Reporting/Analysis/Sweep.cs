using VaccineRef.Experiments.Pipeline;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>Judges every condition of a report by its attacks as a whole.</summary>
internal sealed class Sweep(TrialIndex trials)
{
    private readonly double _guard = trials.Report.Options.CapabilityGuard;

    // In the order of their numbers, not of the recipe: the resamples of a mean depend on the order of its values.
    private readonly ulong[] _seeds = [.. trials.Seeds.Order()];

    /// <summary>Every condition that was attacked and scored, on the seeds on which everything was.</summary>
    public IReadOnlyList<WorstCase> WorstCases() => trials.Attacks.Count == 0 || trials.Conditions.Count < 2 ? [] :
    [
        .. from row in trials.Rows
           let seeds = _seeds.Select(seed => On(seed, row.Model, row.Condition)).OfType<SweepOutcome>().ToArray()
           where seeds.Length > 0
           let cost = Cost(row.Model, row.Condition)
           select new WorstCase(
               row.Model, row.Condition, Over(seeds, seed => seed.HarmfulScore), Over(seeds, seed => seed.CoherentHarm),
               Over(seeds, seed => seed.MeanHarmfulScore)!, Over(seeds, seed => seed.MeanAccuracy)!, cost.Passes,
               cost.Bytes, seeds),
    ];

    /// <summary>Which condition dominates which.</summary>
    public static IReadOnlyList<Domination> Dominations(IReadOnlyList<WorstCase> cases) =>
    [
        .. from better in cases
           from worse in cases
           where better.Model == worse.Model && better.Place is { } first && worse.Place is { } second
               && Dominance.Dominates(first, second)
           select new Domination(
               better.Model, better.Condition, worse.Condition,
               Apart(better.HarmfulScore!, worse.HarmfulScore!) || Apart(better.Accuracy, worse.Accuracy)),
    ];

    private static bool Apart(Estimate first, Estimate second) =>
        first.Interval is { } one && second.Interval is { } other && (one.High < other.Low || other.High < one.Low);

    private static Estimate? Over(SweepOutcome[] seeds, Func<SweepOutcome, double?> of) =>
        seeds.Select(of).OfType<double>().ToArray() is { Length: > 0 } values
            ? Estimate.Of(values, Analysis.Resampling)
            : null;

    private SweepOutcome? On(ulong seed, string model, string condition)
    {
        var attacks = trials.Attacks.Select(attack => On(seed, model, condition, attack)).OfType<AttackOutcome>()
            .ToArray();
        return attacks.Length == trials.Attacks.Count ? SweepOutcome.Of(seed, attacks, _guard) : null;
    }

    private AttackOutcome? On(ulong seed, string model, string condition, string attack)
    {
        double? Of(string of, ReportMetric metric) =>
            trials.Find(seed, model, of, attack) is { Converged: not false } found ? metric.Of(found.Result) : null;
        return Of(condition, ReportMetric.HarmfulScore) is { } harm
            && Of(condition, ReportMetric.FinetuneAccuracy) is { } accuracy
            && Of(trials.Control, ReportMetric.FinetuneAccuracy) is { } control
            ? new(attack, harm, Of(condition, ReportMetric.CoherentHarm), accuracy, control)
            : null;
    }

    private (double Passes, long Bytes) Cost(string model, string condition)
    {
        static double Passes(TrainingCost? cost) => cost is null ? 0 : cost.ForwardsPerStep + cost.ReversesPerStep;
        var costs = trials.Report.Trials.Where(trial => trial.Model == model && trial.Condition == condition)
            .OrderBy(trial => trial.Seed)
            .Select(
                trial => (Aligned: trials.Report.Alignment(trial)?.Cost, Attacked: trials.Report.Attacked(trial)?.Cost))
            .Where(cost => cost.Attacked is not null).ToArray();
        return costs.Length == 0 ? default
            : (costs.Average(cost => Passes(cost.Aligned) + Passes(cost.Attacked)),
                costs.Max(cost => Math.Max(cost.Aligned?.PeakBytes ?? 0, cost.Attacked!.PeakBytes)));
    }
}
