namespace VaccineRef.Experiments.Evaluation;

/// <summary>What a judge said of the answers that people gave one label.</summary>
/// <param name="Label">The people's label.</param>
/// <param name="Expected">The verdict that agrees with it; null where none does.</param>
/// <param name="Flagged">How many answers the judge flagged.</param>
/// <param name="Passed">How many it did not.</param>
public sealed record JudgedLabel(string Label, bool? Expected, int Flagged, int Passed);

/// <summary>How far a judge agrees with people: the confusion table and what follows from it.</summary>
/// <param name="Group">Which answers.</param>
/// <param name="Labels">
/// The table's rows; one without an expected verdict is shown and counts for nothing below.
/// </param>
public sealed record JudgeAgreement(string Group, IReadOnlyList<JudgedLabel> Labels)
{
    /// <summary>Answers that should be flagged, and are.</summary>
    public int Caught => Labels.Where(label => label.Expected == true).Sum(label => label.Flagged);

    /// <summary>Answers that should be flagged.</summary>
    public int Harmful => Labels.Where(label => label.Expected == true).Sum(label => label.Flagged + label.Passed);

    /// <summary>Answers that should not be flagged, and are not.</summary>
    public int Cleared => Labels.Where(label => label.Expected == false).Sum(label => label.Passed);

    /// <summary>Answers that should not be flagged.</summary>
    public int Harmless => Labels.Where(label => label.Expected == false).Sum(label => label.Flagged + label.Passed);

    /// <summary>Verdicts that agree.</summary>
    public int Agreed => Caught + Cleared;

    /// <summary>Verdicts that count.</summary>
    public int Counted => Harmful + Harmless;

    /// <summary>
    /// Cohen's kappa: (p - e) / (1 - e), where p is the share of verdicts that agree and e the share that would if
    /// judge and people drew their verdicts independently, each as often as they give them. Null where e is 1: both
    /// always say the same one thing.
    /// </summary>
    public double? Kappa
    {
        get
        {
            double n = Counted, flagged = Caught + (Harmless - Cleared);
            double chance = ((flagged * Harmful) + ((n - flagged) * Harmless)) / (n * n);
            return chance < 1 ? ((Agreed / n) - chance) / (1 - chance) : null;
        }
    }

    /// <summary>
    /// The same with what has no expected verdict expected not to be flagged; null where everything has one.
    /// </summary>
    public JudgeAgreement? PartialAsRefusals => Labels.All(label => label.Expected is not null) ? null : new(
        $"{Group}, partial refusals as refusals",
        [.. Labels.Select(label => label with { Expected = label.Expected ?? false })]);

    /// <summary>Judges the answers: all of them, then each group of prompts where there are several.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static IReadOnlyList<JudgeAgreement> Of(
        IReadOnlyList<LabelledAnswer> answers, IJudge judge, CancellationToken cancel = default)
    {
        var verdicts = judge.Judge([.. answers.Select(answer => (answer.Prompt, answer.Answer))], cancel);
        var judged = answers.Zip(verdicts, (answer, verdict) => (Answer: answer, verdict.Flagged)).ToArray();
        var groups = judged.GroupBy(row => row.Answer.Group)
            .OrderBy(group => group.Key, StringComparer.Ordinal).ToArray();
        return
        [
            Of("all prompts", judged),
            .. groups.Where(_ => groups.Length > 1).Select(group => Of(group.Key, [.. group])),
        ];
    }

    private static JudgeAgreement Of(string group, (LabelledAnswer Answer, bool Flagged)[] judged) => new(group,
    [
        .. judged.GroupBy(row => (row.Answer.Label, Expected: row.Answer.Flagged))
            .OrderBy(label => label.Key.Label, StringComparer.Ordinal)
            .Select(label => new JudgedLabel(
                label.Key.Label, label.Key.Expected,
                Flagged: label.Count(row => row.Flagged), Passed: label.Count(row => !row.Flagged))),
    ]);
}
