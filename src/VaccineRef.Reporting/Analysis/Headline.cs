using System.Globalization;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>
/// The finding as one sentence, with which a report begins. Names come from recipes and can be of any length: where a
/// sentence with names would be too long, it says "the primary method" and "the control", which the tables name.
/// </summary>
internal sealed class Headline(TrialIndex trials, IReadOnlyList<Comparison> comparisons)
{
    /// <summary>The most words of the sentence; a word is what stands between spaces.</summary>
    public const int MostWords = 25;

    private static readonly (string Method, string Control) Unnamed = ("the primary method", "the control");

    /// <summary>The sentence.</summary>
    public string Sentence()
    {
        string[] wordings = [.. Wordings()];
        return wordings.FirstOrDefault(wording => Words(wording) <= MostWords) ?? wordings[^1];
    }

    /// <summary>The words of a text.</summary>
    public static int Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length;

    /// <summary>
    /// The same sentence in several wordings, the most exact one first; the last one holds no name and is short.
    /// </summary>
    private IEnumerable<string> Wordings()
    {
        if (trials.Report.Trials is [var only])
            return OfOneTrial(only);
        if (trials.Attacks.Count == 0)
            return ["Nothing was attacked: this report is about the models before any attack, and about what their training costs."];
        if (comparisons.FirstOrDefault(comparison => comparison.Primary) is { } primary)
            return OfPrimary(primary);
        return trials.Report.Options.Primary is { } named && named != trials.Control
            ? NotCompared(named)
            : NothingChosen();
    }

    private IEnumerable<string> OfOneTrial(ReportedTrial trial)
    {
        if (trial.Attack is null)
            yield return "Nothing was attacked: this run shows a model before any attack, and what its training costs.";
        else if (trials.Report.Attacked(trial)?.Measured?.Find(Metrics.HarmfulScore) is { } score)
            yield return $"{After(trial.Attack)}, the model has a harmful score of {NumberFormat.Fixed(score.Percentage, 1)} %, on one seed.";
        else
            yield return "No harmful score of the attacked model was measured in this run.";
    }

    private IEnumerable<string> OfPrimary(Comparison primary)
    {
        string after = After(primary.Attacks[0], primary.Attacks.Count);
        var difference = primary.Paired.Difference;
        (string Method, string Control) names = (primary.Condition, primary.Control);
        if (difference.Interval is not { } interval)
        {
            string Claim((string Method, string Control) of) =>
                $"n one seed, {Differs(of, difference.Mean)}; that proves nothing.";
            return [$"{after}, o{Claim(names)}", $"O{Claim(names)}", $"{after}, o{Claim(Unnamed)}"];
        }

        if (interval.Contains(0))
        {
            string Claim((string Method, string Control) of) =>
                $"o difference in harmful score between {of.Method} and {of.Control} is shown (95 % interval {Range(interval)}).";
            return [$"{after}, n{Claim(names)}", $"N{Claim(names)}", $"{after}, n{Claim(Unnamed)}"];
        }

        string evidence = $"(95 % interval {Range(Size(interval))}{(primary.Paired.PermutationP <= Conclusions.Level ? "" : ", not settled")}).";
        string claim = $"{Differs(names, difference.Mean)} {evidence}";
        return [$"{after}, {claim}", claim, $"{after}, {Differs(Unnamed, difference.Mean)} {evidence}"];
    }

    private IEnumerable<string> NotCompared(string primary)
    {
        if (!trials.Attacks.Any(trials.IsHarmful))
            return ["No attack holds harmful data, so no harmful score is compared."];
        const string Why = "are not compared: no seed has a harmful score of both after a converged alignment.";
        return [$"{primary} and {trials.Control} {Why}", $"The primary method and the control {Why}"];
    }

    private IEnumerable<string> NothingChosen()
    {
        const string Nothing = "No comparison was chosen beforehand";
        var scored = comparisons.Where(comparison => comparison.Metric == ReportMetric.HarmfulScore).ToArray();
        if (scored.Length == 0)
            return ["Nothing is compared here: no other method has a harmful score on the seeds of the control."];
        var largest = scored.MaxBy(comparison => Math.Abs(comparison.Paired.Difference.Mean))!;
        double gap = largest.Paired.Difference.Mean;
        if (Math.Round(gap, 1) == 0)
            return [$"{Nothing}, and no method differs from the control in its harmful score."];
        string size = $"{NumberFormat.Fixed(Math.Abs(gap), 1)} points {(gap < 0 ? "lower" : "higher")}";
        return
        [
            $"{Nothing}; furthest from {largest.Control} in harmful score is {largest.Condition}, {size}.",
            $"{Nothing}; the largest difference in harmful score from the control is {size}.",
        ];
    }

    private static string Differs((string Method, string Control) of, double gap) => Math.Round(gap, 1) == 0
        ? $"{of.Method} and {of.Control} have the same harmful score"
        : $"{of.Method} has a harmful score {NumberFormat.Fixed(Math.Abs(gap), 1)} points {(gap < 0 ? "below" : "above")} {of.Control}’s";

    /// <summary>"With 10 % harmful data": the share where one attack has one, else what there is to say.</summary>
    private string After(string attack, int attacks = 1) => attacks > 1
        ? $"Averaged over {attacks} attacks"
        : trials.TrialOf(attack)?.HarmfulShare is { } share
            ? $"With {(100 * share).ToString("0.##", CultureInfo.InvariantCulture)} % harmful data"
            : "After the attack";

    /// <summary>How far the ends of an interval on one side of 0 are from it.</summary>
    private static Interval Size(Interval interval) =>
        interval.High < 0 ? new(-interval.High, -interval.Low) : interval;

    private static string Range(Interval interval) =>
        $"{NumberFormat.Fixed(interval.Low, 1)} to {NumberFormat.Fixed(interval.High, 1)}";
}
