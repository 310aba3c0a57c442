using VaccineRef.Core;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>Something that would end a run, found before it begins.</summary>
/// <param name="Key">What of the recipe it belongs to, as in "attack.data.harmful".</param>
/// <param name="Error">What is wrong: where, what was found and expected, and what can be done.</param>
public sealed record PlanProblem(string Key, InputException Error)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Error.Message}{Environment.NewLine}  key:      {Key}";
}

/// <summary>Everything that keeps a recipe from running, in one message.</summary>
public sealed class PlanException : InputException
{
    /// <summary>Composes the message.</summary>
    /// <param name="problems">The problems; at least one.</param>
    public PlanException(IReadOnlyList<PlanProblem> problems) : base(Compose(problems), inner: problems[0].Error) => Problems = problems;

    /// <summary>The problems, in the order of the recipe.</summary>
    public IReadOnlyList<PlanProblem> Problems { get; }

    private static string Compose(IReadOnlyList<PlanProblem> problems) => problems is [var only]
        ? only.ToString()
        : string.Join(
            Environment.NewLine,
            [$"{problems.Count} problems keep the recipe from running", .. problems.Select((problem, i) => $"{i + 1}. {problem}")]);
}
