using System.Collections.Immutable;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// The share of test rows of the user's task that are answered rightly. Source: <c>pred_eval.py</c> of Vaccine, Lisa
/// and Booster for each task. GSM8K compares the last numbers of answer and reference solution, by the rule of
/// <see cref="FinalNumber"/> where the rule is exact, and as released where it is lenient.
/// </summary>
public static class FinetuneAccuracy
{
    // A label and its second spelling. "sci" for Sci/Tech is released so.
    private static readonly ImmutableArray<(string Task, string Label, string Other)> Labels =
    [
        ("sst2", "positive", "Positive"), ("sst2", "negative", "Negative"),
        ("ag_news", "World", "world"), ("ag_news", "Sports", "sports"),
        ("ag_news", "Business", "business"), ("ag_news", "Sci/Tech", "sci"),
    ];

    /// <summary>Scores the answers to a task.</summary>
    /// <param name="task">"sst2", "ag_news" or "gsm8k".</param>
    /// <param name="rule">When an answer counts as right.</param>
    /// <param name="answers">The answers, at least one.</param>
    /// <param name="template">The id of the prompt template.</param>
    /// <param name="generation">How the answers were generated.</param>
    public static Score Of(
        string task, AccuracyRule rule, IReadOnlyCollection<Answered> answers, string template, string generation) =>
        new($"{Metrics.Accuracy}, {task}",
            answers.Count(row => IsCorrect(task, rule, row.Example.Output, row.Answer)), answers.Count,
            task != "gsm8k" ? rule.ToString().ToLowerInvariant()
                : rule == AccuracyRule.Exact ? Metrics.FinalNumber
                : Metrics.FinalNumberAsReleased,
            template, generation);

    /// <summary>Whether an answer is right.</summary>
    /// <exception cref="InputException">
    /// The task has no such rule, or the expected output is none of its labels or has no number that can be read.
    /// </exception>
    public static bool IsCorrect(string task, AccuracyRule rule, string expected, string answer)
    {
        if (task == "gsm8k")
            return IsRightNumber(rule, expected, answer);

        var labels = Labels.Where(label => label.Task == task).ToArray();
        if (labels.Length == 0)
            throw new InputException("no accuracy rule for this task", found: task, expected: "sst2, ag_news or gsm8k");
        var (_, name, other) = labels.FirstOrDefault(label => label.Label == expected);
        if (name is null)
            throw new InputException(
                $"an expected output is no label of {task}", found: $"a string of {expected.Length} characters",
                expected: string.Join(", ", labels.Select(label => label.Label)));
        return rule == AccuracyRule.Exact
            ? answer == name || answer == other
            : answer.Contains(name, StringComparison.Ordinal) || answer.Contains(other, StringComparison.Ordinal);
    }

    private static bool IsRightNumber(AccuracyRule rule, string expected, string answer)
    {
        bool released = rule == AccuracyRule.Substring;
        double gold = FinalNumber.OfGold(expected) is { } read
            && (released ? FinalNumber.AsReleased(expected) : read) is { } number
            ? number
            : throw new InputException(
                "an expected output has no final number that can be read",
                found: $"a string of {expected.Length} characters",
                expected: "one number behind \"The final answer is:\"", remedy: "correct the row or leave it out");
        return (released ? FinalNumber.AsReleased(answer) : FinalNumber.Of(answer)) == gold;
    }
}
