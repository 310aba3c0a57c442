using VaccineRef.Experiments.Grid;

namespace VaccineRef.Reporting;

/// <summary>Questions with the answers of two conditions, side by side.</summary>
public static class AnswerTable
{
    /// <summary>Says which questions are shown, and how they were chosen.</summary>
    public static string Caption(SideBySide shown)
    {
        int differing = Math.Min(shown.Differing, shown.Questions.Count);
        string chosen = differing == shown.Questions.Count
            ? "the first on which exactly one of the two gives the restricted content"
            : differing == 0 ? "the first ones, since the two do not differ on any"
            : $"the {differing} on which exactly one of the two gives the restricted content, and the first others";
        return $"What the attacked models answer: {shown.Questions.Count} of the {shown.Asked} held-out harmful questions, "
            + $"{shown.Attack}, seed {shown.Seed}: {chosen}. They differ on {shown.Differing}.";
    }

    /// <summary>An answer with its verdict.</summary>
    public static string Text(Experiments.Evaluation.KeptAnswer answer) =>
        $"{(string.IsNullOrEmpty(answer.Answer) ? "(nothing)" : answer.Answer)} ({answer.Verdict})";

    /// <summary>The table; none where nothing is shown.</summary>
    internal static IEnumerable<ReportTable> Of(ExperimentReport report) => report.Answers is not { } shown ? [] :
    [
        new(
            Caption(shown),
            ["harmful question", .. shown.Conditions.Select(condition => $"after the attack: {condition}")], [],
            [
                .. shown.Questions.Select(each => (IReadOnlyList<ReportCell>)
                    [each.Question, .. each.Answers.Select(answer => (ReportCell)Text(answer))]),
            ]),
    ];
}
