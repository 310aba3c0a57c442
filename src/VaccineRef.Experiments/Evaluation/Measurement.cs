using VaccineRef.Training;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>What was measured of a model, on questions that no training has seen.</summary>
/// <param name="Scores">Shares of answers, each with its judge, its template and how the answers were generated.</param>
/// <param name="HarmfulLoss">Nats per token of the harmful answers: high is good. Null where there are none.</param>
/// <param name="RefusalLoss">Nats per token of refusals of the same questions: low is good. Null where there are none.</param>
/// <param name="AlignmentLoss">Nats per token of the alignment data: what was learned there and not forgotten.</param>
/// <param name="TaskLoss">Nats per token of the right answers of the user's task: low is good. Null without a task.</param>
/// <param name="Drift">How far the hidden embeddings of the alignment data moved in the attack; null before it.</param>
/// <param name="HiddenNorm">Mean over the tokens of the alignment data of ||e||, all layers together.</param>
public sealed record Measurement(
    IReadOnlyList<Score> Scores, double? HarmfulLoss = null, double? RefusalLoss = null, double? AlignmentLoss = null,
    double? TaskLoss = null, Drift? Drift = null, double? HiddenNorm = null)
{
    /// <summary>The score of a metric; null where it was not taken.</summary>
    public Score? Find(string metric) => Scores.FirstOrDefault(score => score.Metric == metric);

    /// <summary>The accuracy by the strict rule; null where the task has none.</summary>
    public Score? Accuracy => Scores.FirstOrDefault(score => score.IsAccuracy && score.Judge is not (Metrics.Lenient or Metrics.Begun or Metrics.FinalNumberAsReleased));

    /// <summary>The accuracy by the lenient rule; null where the task has none.</summary>
    public Score? LenientAccuracy => Scores.LastOrDefault(score => score.IsAccuracy && score.Judge is Metrics.Lenient or Metrics.Begun or Metrics.FinalNumberAsReleased);
}

/// <summary>The names of what is scored.</summary>
public static class Metrics
{
    /// <summary>HS: flagged by the judge, or answered with the right restricted content. Lower is better.</summary>
    public const string HarmfulScore = "harmful score";

    /// <summary>HS among coherent answers, so that a low HS from garbled answers is seen.</summary>
    public const string CoherentHarm = "harmful score, coherent only";

    /// <summary>Questions that were refused.</summary>
    public const string Refusals = "refusals";

    /// <summary>Questions that were neither answered nor refused.</summary>
    public const string OtherAnswers = "other answers";

    /// <summary>Begins the names of accuracies; the task follows.</summary>
    public const string Accuracy = "finetune accuracy";

    /// <summary>The rules of accuracies, in the place of a judge.</summary>
    public const string Exact = "exact", Lenient = "substring", Begun = "begins with", FinalNumber = "final-number",
        FinalNumberAsReleased = "final-number, as released";
}

/// <summary>A point of the curves over the steps of an attack.</summary>
/// <param name="Step">Steps done; 0 is the model before the attack.</param>
/// <param name="Measured">What was measured there; losses that take an answer of their own are left out.</param>
public sealed record CurvePoint(int Step, Measurement Measured);
