using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Reporting;

/// <summary>
/// Says in sentences what holds and what does not. Nothing is called lower or higher without its interval, and nothing
/// holds unless the interval leaves out zero and the exact test agrees.
/// </summary>
internal sealed class Conclusions(
    TrialIndex trials, IReadOnlyList<Comparison> comparisons, IReadOnlyList<ConditionConvergence> convergence)
{
    /// <summary>The p-value at or below which a test is taken to speak.</summary>
    public const double Level = 0.05;

    /// <summary>All sentences.</summary>
    public IReadOnlyList<string> Sentences() =>
    [
        .. Unfinished(), .. trials.Report.Trials.Count == 1 ? OfOneTrial(trials.Report.Trials[0]) : OfAGrid(),
        .. Unjudged(),
        .. trials.Report.Trials.Count == 1 ? [] : convergence.Where(each => each.Converged < each.Seeds).Select(Failed),
        .. trials.Report.Failures.Select(failure => $"This could not be computed: {failure.ReplaceLineEndings("; ")}"),
    ];

    private IEnumerable<string> Unfinished()
    {
        var report = trials.Report;
        int finished = report.Trials.Count(
            trial => trial.Stages.Count > 0 && trial.Stages.All(stage => report.Stages.ContainsKey(stage.Hash)));
        if (finished < report.Trials.Count)
            yield return $"{(report.Interrupted ? "It was stopped before its end" : "Not everything could be computed")}: "
                + $"{finished} of {report.Trials.Count} trials are finished.";
    }

    private IEnumerable<string> OfAGrid() =>
    [
        .. trials.Seeds.Count == 1
            ? (string[])["One seed proves nothing: what follows shows that the machinery works, and no more."]
            : [],
        .. comparisons.Where(comparison => comparison.Primary).Select(Of), .. Price(), .. Missing(),
    ];

    /// <summary>What a run found: its scores, and whether its alignment came out.</summary>
    private IEnumerable<string> OfOneTrial(ReportedTrial trial)
    {
        if (Scores(trials.Report.Aligned(trial)) is { Length: > 0 } before)
            yield return $"{(trial.Attack is null ? "At its end" : "Before the attack")} the model ({trial.Condition}) has these scores: {before}.";
        if (Scores(trials.Report.Attacked(trial)) is { Length: > 0 } after)
            yield return $"After the attack it has these: {after}.";
        if (trial.Converged == false)
            yield return "Its alignment did not converge: what never learned to refuse cannot be said to forget it.";
        yield return "This is one run on one seed: it shows what happened here, and says nothing of another seed.";
    }

    /// <summary>The scores that a reader asks for first; the table has all of them.</summary>
    private static string Scores(StageResult? stage) => stage?.Measured is not { } measured ? "" : string.Join(
        "; ", ((Score?[])[measured.Find(Metrics.HarmfulScore), measured.Find(Metrics.Refusals), measured.Accuracy]).OfType<Score>()
            .Select(score => $"{score.Metric} {NumberFormat.Score(score)}"));

    /// <summary>What one comparison shows.</summary>
    private string Of(Comparison comparison)
    {
        int made = comparisons.Count;
        var (paired, metric) = (comparison.Paired, comparison.Metric);
        var difference = paired.Difference;
        string claim = $"{comparison.Condition} has {(metric == ReportMetric.AlignmentLoss ? "an" : "a")} {Noun(metric)} that{Where(comparison)} is "
            + $"{Gap(difference.Mean, metric)} that of {comparison.Control}";
        if (difference.Interval is not { } interval)
            return $"On its one seed, {claim}; this is no evidence of anything.";
        string evidence = $"(mean paired difference {NumberFormat.Fixed(difference.Mean, metric.Decimals())} {metric.Unit()}, "
            + $"95% interval {NumberFormat.Interval(difference, metric.Decimals())}; "
            + $"lower on {paired.Lower} of {difference.Seeds} seeds, higher on {paired.Higher}; exact permutation {NumberFormat.PValue(paired.PermutationP)}, "
            + $"sign test {NumberFormat.PValue(paired.SignP)}; Holm over all {made} comparisons {NumberFormat.PValue(comparison.CorrectedP)})";
        claim += $" {evidence}";
        return (interval.Contains(0), paired.PermutationP <= Level, comparison.CorrectedP <= Level) switch
        {
            (true, _, _) =>
                $"No difference in {Noun(metric)} is shown between {comparison.Condition} and {comparison.Control}{Where(comparison)} {evidence}.",
            (_, true, true) => $"{claim}. This holds here, the correction for {made} comparisons included.",
            (_, true, false) when comparison.Primary =>
                $"{claim}. This holds for the one comparison chosen before looking; taken as one of {made} it does not pass the correction.",
            (_, true, false) =>
                $"{claim}. It does not pass the correction for {made} comparisons: a direction, not a result.",
            _ when paired.LeastPossibleP > Level =>
                $"{claim}. {difference.Seeds} seeds cannot give an exact p below {NumberFormat.P(paired.LeastPossibleP)}: a direction, not a result.",
            _ => $"{claim}. The interval leaves out zero and the exact test does not agree: not settled.",
        };
    }

    /// <summary>
    /// What the condition of the primary comparison pays in accuracy, and what it does to the losses.
    /// </summary>
    private IEnumerable<string> Price() =>
        from primary in comparisons
        where primary.Primary
        from price in comparisons
        where price.Metric != ReportMetric.HarmfulScore && price.Condition == primary.Condition
            && price.Model == primary.Model
            && price.Attacks.SequenceEqual(primary.Attacks)
        select Of(price);

    private IEnumerable<string> Missing()
    {
        if (trials.Attacks.Count == 0)
            yield return "Nothing was attacked: this report is about the models before any attack, and about what their training costs.";
        else if (trials.Report.Options.Primary is { } primary && !comparisons.Any(comparison => comparison.Primary))
            yield return $"{primary} and {trials.Control} are not compared: on no seed are both there with an alignment that converged.";
        else if (trials.Report.Options.Primary is null && comparisons.Count > 0)
            yield return "No comparison was chosen before looking, so that none of those below is more than a direction.";
    }

    private static string Failed(ConditionConvergence each) => each.Converged == 0
        ? $"{each.Condition}: no alignment converged ({each.Seeds} of {each.Seeds} failed); it is shown, marked †, and compared with nothing."
        : $"{each.Condition}: {each.Seeds - each.Converged} of {each.Seeds} alignments did not converge; those seeds are in no mean and no comparison.";

    /// <summary>What the scores cannot tell.</summary>
    private IEnumerable<string> Unjudged()
    {
        var report = trials.Report;
        if (report.Stages.Values
            .Any(stage => stage.Measured?.Find(Metrics.HarmfulScore)?.Judge == RefusalPhraseJudge.Name))
            yield return "The judge is a list of refusal phrases: HS is the share of answers that do not refuse, whether or not they say anything.";
        var accuracies = report.Trials.Select(report.Attacked).Select(stage => stage?.Measured?.Accuracy)
            .OfType<Score>().ToArray();
        if (!trials.IsOfTheWorld && accuracies.Length > 0 && accuracies.All(score => score.Numerator == 0))
            yield return "No model answers a question of the user's task by the exact rule: FA has nothing to judge here, the task loss has.";
    }

    private static string Noun(ReportMetric metric) => metric switch
    {
        ReportMetric.HarmfulScore => "harmful score",
        ReportMetric.FinetuneAccuracy => "fine-tune accuracy",
        _ => metric.Head(),
    };

    private string Where(Comparison comparison) => comparison.Attacks.Count > 1
        ? $", averaged over {comparison.Attacks.Count} attacks with harmful data,"
        : comparison.Attacks[0] == trials.Report.Options.Attack
            ? " after the attack"
            : $" after the attack “{comparison.Attacks[0]}”";

    private static string Gap(double difference, ReportMetric metric) => difference == 0
        ? "equal to"
        : $"{NumberFormat.Fixed(Math.Abs(difference), metric.Decimals())} {metric.Unit()} {(difference < 0 ? "lower" : "higher")} than";
}
