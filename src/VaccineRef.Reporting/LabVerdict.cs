using VaccineRef.Experiments.Lab;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Reporting;

/// <summary>
/// Says in sentences what holds and what does not. Nothing is called lower or higher without its interval, and nothing holds
/// unless the interval leaves out zero and the exact test agrees.
/// </summary>
public static class LabVerdict
{
    /// <summary>The p at or below which a test is taken to speak.</summary>
    public const double Level = 0.05;

    /// <summary>The verdict on a report.</summary>
    public static IReadOnlyList<string> Of(
        LabReport report, IReadOnlyList<LabComparison> comparisons, IReadOnlyList<LabConvergence> convergence) =>
    [
        .. report.Grid.Seeds.Count == 1 ? (string[])["One seed proves nothing: what follows shows that the machinery works, and no more."] : [],
        .. comparisons.Where(comparison => comparison.Primary).Select(comparison => Of(comparison, comparisons.Count)),
        .. Price(comparisons),
        .. Unjudged(report),
        .. Missing(report, comparisons),
        .. convergence.Where(arm => arm.Converged < arm.Seeds).Select(Failed),
    ];

    /// <summary>What one comparison shows.</summary>
    /// <param name="comparison">The comparison.</param>
    /// <param name="made">How many were made in all.</param>
    public static string Of(LabComparison comparison, int made)
    {
        var paired = comparison.Paired;
        var difference = paired.Difference;
        var metric = comparison.Metric;
        string what = $"{Name(metric)}{Where(comparison)}", gap = Gap(difference.Mean, metric);
        if (difference.Interval is not { } interval)
            return $"On its one seed, {comparison.Arm} has {what} {gap} {comparison.Control}; this is no evidence of anything.";
        string evidence = $"(mean paired difference {Shown.Fixed(difference.Mean, metric.Decimals())} {metric.Unit()}, 95% interval {Shown.Interval(difference, metric.Decimals())}; "
            + $"lower on {paired.Lower} of {difference.Seeds} seeds, higher on {paired.Higher}; exact permutation p = {Shown.P(paired.PermutationP)}, "
            + $"sign test p = {Shown.P(paired.SignP)}; Holm over all {made} comparisons p = {Shown.P(comparison.CorrectedP)})";
        string claim = $"{comparison.Arm} has {what} {gap} {comparison.Control} {evidence}";
        return (interval.Contains(0), paired.PermutationP <= Level, comparison.CorrectedP <= Level) switch
        {
            (true, _, _) => $"No difference is shown between {comparison.Arm} and {comparison.Control} in {what} {evidence}.",
            (_, true, true) => $"{claim}. This holds here, the correction for {made} comparisons included.",
            (_, true, false) when comparison.Primary =>
                $"{claim}. This holds for the one comparison chosen before looking; taken as one of {made} it does not pass the correction.",
            (_, true, false) => $"{claim}. It does not pass the correction for {made} comparisons: a direction, not a result.",
            _ when paired.LeastPossibleP > Level =>
                $"{claim}. {difference.Seeds} seeds cannot give an exact p below {Shown.P(paired.LeastPossibleP)}: a direction, not a result.",
            _ => $"{claim}. The interval leaves out zero and the exact test does not agree: not settled.",
        };
    }

    /// <summary>What the primary comparison's arm pays in accuracy, and what it does to the losses of a recipe.</summary>
    private static IEnumerable<string> Price(IReadOnlyList<LabComparison> comparisons) =>
        from primary in comparisons
        where primary.Primary
        from price in comparisons
        where price.Metric != LabMetric.HarmfulScore && price.Arm == primary.Arm && price.Size == primary.Size
            && price.Attacks.SequenceEqual(primary.Attacks)
        select Of(price, comparisons.Count);

    private static IEnumerable<string> Missing(LabReport report, IReadOnlyList<LabComparison> comparisons)
    {
        var primary = report.Grid.Preset.Primary;
        if (report.Grid.Preset.Attacks.Count == 0)
            yield return "Nothing was attacked: this report is about cost alone.";
        else if (!comparisons.Any(comparison => comparison.Primary))
            yield return $"{primary.Arm} and {primary.Control} are not compared: on no seed did both alignments converge.";
    }

    private static string Failed(LabConvergence arm) => arm.Converged == 0
        ? $"{arm.Arm}: no alignment converged ({arm.Seeds} of {arm.Seeds} failed); it is shown, marked †, and compared with nothing."
        : $"{arm.Arm}: {arm.Seeds - arm.Converged} of {arm.Seeds} alignments did not converge; those seeds are in no mean and no comparison.";

    /// <summary>What the scores of a recipe cannot tell.</summary>
    private static IEnumerable<string> Unjudged(LabReport report)
    {
        if (report.Settings.Recipe is not { } recipe)
            yield break;
        if (recipe.Recipe.Evaluation.Judge == Judges.Default)
            yield return "The judge is a list of refusal phrases: HS is the share of answers that do not refuse, whether or not they say anything.";
        if (report.Results.Where(result => result.Cell.Attack is not null).All(result => result.Measured.FinetuneAccuracy is { Count: 0 }))
            yield return "No model answers a question of the user's task by the exact rule: FA has nothing to judge here, the task loss has.";
    }

    private static string Name(LabMetric metric) => metric switch
    {
        LabMetric.HarmfulScore => "a harmful score",
        LabMetric.FinetuneAccuracy => "a fine-tune accuracy",
        LabMetric.AlignmentLoss => "an alignment loss",
        _ => $"a {metric.Head()}",
    };

    private static string Where(LabComparison comparison) => comparison.Attacks.Count == 1
        ? $" at {AttackName.Of(comparison.Attacks[0])}"
        : $" averaged over {comparison.Attacks.Count} attacks with p > 0";

    private static string Gap(double difference, LabMetric metric) => difference == 0
        ? "equal to that of"
        : $"{Shown.Fixed(Math.Abs(difference), metric.Decimals())} {metric.Unit()} {(difference < 0 ? "lower" : "higher")} than";
}
