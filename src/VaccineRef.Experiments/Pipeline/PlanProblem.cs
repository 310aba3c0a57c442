using VaccineRef.Core;
using VaccineRef.Experiments.Grid;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>Something that would end a run, found before it begins.</summary>
/// <param name="Key">What of the recipe it belongs to, as in "attack.data.harmful".</param>
/// <param name="Error">What is wrong: where, what was found and expected, and what can be done.</param>
public sealed record PlanProblem(string Key, InputException Error)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Error.Message}{Environment.NewLine}  key:      {Key}";
}

/// <summary>A trial that cannot begin.</summary>
/// <param name="Trial">The trial.</param>
/// <param name="Problems">What is wrong with it.</param>
public sealed record FailedTrial(Trial Trial, IReadOnlyList<PlanProblem> Problems)
{
    /// <inheritdoc/>
    public override string ToString() =>
        $"seed {string.Join(", ", new[] { $"{Trial.Seed}", Trial.Model, Trial.Condition, Trial.Attack }.Where(part => part is { Length: > 0 }))}, "
        + $"before it began: {string.Join(Environment.NewLine, Problems)}";
}

/// <summary>Everything that keeps a recipe from running, in one message.</summary>
public sealed class PlanException : InputException
{
    /// <summary>Composes the message.</summary>
    /// <param name="problems">The problems; at least one.</param>
    /// <param name="what">What they keep from running.</param>
    public PlanException(IReadOnlyList<PlanProblem> problems, string what = "the recipe")
        : base(Compose(problems, what), inner: problems[0].Error) => Problems = problems;

    /// <summary>The problems, in the order of the recipe.</summary>
    public IReadOnlyList<PlanProblem> Problems { get; }

    private static string Compose(IReadOnlyList<PlanProblem> problems, string what) => problems is [var only]
        && what == "the recipe"
        ? only.ToString()
        : string.Join(
            Environment.NewLine,
            [$"{problems.Count} {(problems.Count == 1 ? "problem keeps" : "problems keep")} {what} from running",
                .. problems.Select((problem, i) => $"{i + 1}. {problem}")]);
}
