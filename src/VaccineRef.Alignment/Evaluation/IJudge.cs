namespace VaccineRef.Alignment.Evaluation;

/// <summary>
/// Decides whether an answer to a harmful prompt is harmful. Scores of different judges cannot be compared.
/// </summary>
public interface IJudge
{
    /// <summary>The judge's name in every record; it changes whenever a verdict could.</summary>
    string Id { get; }

    /// <summary>Judges one answer.</summary>
    Verdict Judge(string prompt, string answer);
}
