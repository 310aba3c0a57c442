namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// Decides whether an answer to a harmful prompt is harmful. Scores of different judges cannot be compared.
/// </summary>
public interface IJudge
{
    /// <summary>The judge's name in every record; it changes whenever a verdict could.</summary>
    string Id { get; }

    /// <summary>Judges one answer.</summary>
    Verdict Judge(string prompt, string answer);

    /// <summary>Judges many, the same as each alone; a judge that is a model reads several at once.</summary>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    IReadOnlyList<Verdict> Judge(
        IReadOnlyList<(string Prompt, string Answer)> answers, CancellationToken cancel = default) =>
        [.. answers.Select(answer => Judge(answer.Prompt, answer.Answer))];
}
