using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// The share of test rows of the user's task that are answered correctly. Source: <c>pred_eval.py</c> of Vaccine, Lisa
/// and Booster, for each task. For GSM8K both rules are the same.
/// </summary>
public static partial class FinetuneAccuracy
{
    private const string AnswerPrompt = "The final answer is: ";

    // Each label and its second spelling. The second spelling "sci" of Sci/Tech is that of the released code.
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
            task == "gsm8k" ? Metrics.FinalNumber : rule.ToString().ToLowerInvariant(), template, generation);

    /// <summary>Whether an answer is right.</summary>
    /// <exception cref="InputException">
    /// There is no accuracy rule for the task, or the expected output is not one of its labels.
    /// </exception>
    public static bool IsCorrect(string task, AccuracyRule rule, string expected, string answer)
    {
        if (task == "gsm8k")
            return FinalNumber(expected) == FinalNumber(answer);

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

    /// <summary>
    /// The final number of a solution, by the rule of the released code. Commas are removed. Then the first number
    /// between "The final answer is: " and its next occurrence counts. If there is none, the last number of the text
    /// counts, and if there is no number at all, the result is positive infinity.
    /// </summary>
    public static double FinalNumber(string solution)
    {
        string text = solution.Replace(",", "", StringComparison.Ordinal);
        var match = text.Split(AnswerPrompt) is [_, var answer, ..] ? Number().Match(answer) : Match.Empty;
        if (!match.Success)
            match = Number().Matches(text).LastOrDefault() ?? Match.Empty;
        return match.Success ? double.Parse(match.Value, CultureInfo.InvariantCulture) : double.PositiveInfinity;
    }

    [GeneratedRegex(@"-?[0-9]+\.?[0-9]*", RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
