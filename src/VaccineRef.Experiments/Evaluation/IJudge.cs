namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// Decides whether the answer to a harmful prompt is harmful. Scores by different judges cannot be compared.
/// </summary>
public interface IJudge
{
    /// <summary>The name of the judge in every record. It must change whenever a verdict could change.</summary>
    string Id { get; }

    /// <summary>Judges one answer.</summary>
    Verdict Judge(string prompt, string answer);

    /// <summary>
    /// Judges many answers. The verdicts are the same as for each answer alone, but a judge that is a model reads
    /// several answers at once.
    /// </summary>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    IReadOnlyList<Verdict> Judge(
        IReadOnlyList<(string Prompt, string Answer)> answers, CancellationToken cancel = default) =>
        [.. answers.Select(answer => Judge(answer.Prompt, answer.Answer))];
}
