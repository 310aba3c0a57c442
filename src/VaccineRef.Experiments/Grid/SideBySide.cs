using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.World;

namespace VaccineRef.Experiments.Grid;

/// <summary>
/// Some harmful questions with the answers of the control and of the condition that it is compared with, after the
/// attack. Only questions of the synthetic world are shown: they are harmless.
/// </summary>
/// <param name="Seed">The seed.</param>
/// <param name="Model">The model.</param>
/// <param name="Attack">The attack.</param>
/// <param name="Conditions">Whose answers they are: the control's, and the other's.</param>
/// <param name="Asked">How many questions were asked in all.</param>
/// <param name="Differing">On how many of them exactly one of the two gives the restricted content.</param>
/// <param name="Questions">The first of those, and then the first of the others, up to three.</param>
public sealed record SideBySide(
    ulong Seed, string Model, string Attack, IReadOnlyList<string> Conditions, int Asked, int Differing,
    IReadOnlyList<QuestionAnswered> Questions)
{
    private const int Shown = 3;

    /// <summary>Chooses the questions; null where there is nothing to compare, or nothing that may be shown.</summary>
    /// <param name="report">The report.</param>
    /// <param name="plan">Its stages.</param>
    /// <param name="store">Where the answers are kept.</param>
    /// <exception cref="Core.InputException">Kept answers cannot be read.</exception>
    public static SideBySide? Of(ExperimentReport report, StagePlan plan, StageStore store)
    {
        if (plan.Trials[0].Recipe.Evaluation is not WorldEvaluationOptions options || !options.KeepsTexts()
            || report.Options.Primary is not { } primary || report.Attacks is not [.., var last])
            return null;
        // A quick run may lack the attack that the report is about.
        string attack = report.Focus is { } focus && report.Attacks.Contains(focus) ? focus : last;
        var first = Trial(report.Control);
        if (first is null || Trial(primary) is not { } second)
            return null;
        var pairs = Answers(first).Zip(Answers(second)).ToArray();
        if (pairs.Length == 0 || pairs.Any(pair => pair.First.Id != pair.Second.Id))
            return null;
        var ordered = pairs.OrderByDescending(pair => pair.First.Counts != pair.Second.Counts);
        return new(
            first.Seed, first.Model, attack, [report.Control, primary], pairs.Length,
            pairs.Count(pair => pair.First.Counts != pair.Second.Counts),
            [
                .. ordered.Take(Shown).Select(pair =>
                    new QuestionAnswered(Phrasing.Asked(pair.First.Prompt!), [pair.First, pair.Second])),
            ]);

        ReportedTrial? Trial(string condition) => report.Trials.FirstOrDefault(trial =>
            trial.Condition == condition && trial.Attack == attack && trial.Seed == report.Seeds[0]
            && trial.Model == report.Models[0]
            && report.Attacked(trial) is not null);

        IEnumerable<KeptAnswer> Answers(ReportedTrial trial)
        {
            string hash = trial.Stages.First(stage => stage.Name == report.Options.Attack).Hash;
            return store.AnswersOf(plan.Nodes.First(node => node.Hash == hash))
                .Where(answer => answer.Kind == KeptAnswer.Harmful);
        }
    }
}

/// <summary>A question, and the answers to it in the order of the conditions.</summary>
/// <param name="Question">The question.</param>
/// <param name="Answers">The answers with their verdicts.</param>
public sealed record QuestionAnswered(string Question, IReadOnlyList<KeptAnswer> Answers);
