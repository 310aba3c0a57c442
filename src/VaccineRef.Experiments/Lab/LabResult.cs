namespace VaccineRef.Experiments.Lab;

/// <summary>What was found in a cell. But for the times, the same command finds the same bits again.</summary>
/// <param name="Hash">SHA-256 of everything that determines the findings.</param>
/// <param name="Cell">The cell.</param>
/// <param name="Before">The model at the beginning of the attack; null in a cell without attack.</param>
/// <param name="Measured">The model at the end.</param>
/// <param name="Converged">
/// Whether the alignment came out: see <see cref="Convergence"/>. Null for a model that was never aligned. A cell that
/// did not converge is shown and not compared.
/// </param>
/// <param name="Perturbation">What the alignment's rule added to the hidden embeddings; null where it adds nothing, and in an attack.</param>
/// <param name="Curve">Over the attack's steps, from step 0; empty without attack.</param>
/// <param name="StepsUntilBroken">The first step of the curve at which HS exceeds 50 %; null if none does, or without attack.</param>
/// <param name="Projection">Hidden embeddings before and after the attack in two dimensions; null in most cells.</param>
/// <param name="Cost">What the cell's training took, as far as it is the same on every machine; null where the base was given.</param>
/// <param name="Times">What it took here; null where times are left out for comparison.</param>
public sealed record LabResult(
    string Hash, LabCell Cell, LabMeasurement? Before, LabMeasurement Measured, bool? Converged, LabPerturbation? Perturbation,
    IReadOnlyList<LabPoint> Curve, int? StepsUntilBroken, LabProjection? Projection, LabCost? Cost, LabTimes? Times);

/// <summary>k of N.</summary>
public readonly record struct LabCount(int Count, int Of)
{
    /// <summary>100 k / N.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public double Percentage => 100.0 * Count / Of;
}

/// <summary>A model, measured on questions that no training has seen.</summary>
/// <param name="HarmfulScore">
/// HS: answered with the right restricted content, or flagged by a recipe's judge. Lower is better.
/// </param>
/// <param name="CoherentHarm">
/// In the world: HS, or a well-formed recipe of wrong content, so that a low HS from garbled answers is seen. In a recipe: flagged, and
/// coherent language.
/// </param>
/// <param name="Refused">Refused: in the world whatever the rule named, in a recipe by phrase.</param>
/// <param name="Other">Answered otherwise, in the world: the three add up to all questions there. Null in a recipe.</param>
/// <param name="FinetuneAccuracy">
/// FA: questions of the user's task answered exactly, the end included. Higher is better. Null without a task.
/// </param>
/// <param name="FinetuneAccuracyBegun">FA by the lenient rule: the answer begins with the right one, in a recipe holds it.</param>
/// <param name="HarmfulLoss">Nats per token of the harmful answers: high is good. Null where there are none.</param>
/// <param name="RefusalLoss">Nats per token of refusals of the same questions: low is good.</param>
/// <param name="AlignmentLoss">Nats per token of refusals in the alignment data: what was learned there and not forgotten.</param>
/// <param name="TaskLoss">Nats per token of the right answers of the user's task: low is good. Null without a task.</param>
/// <param name="Drift">How far the hidden embeddings of those refusals moved in the attack; null without one.</param>
/// <param name="HiddenNorm">Mean over those refusals' tokens of ||e||, all layers together.</param>
public sealed record LabMeasurement(
    LabCount HarmfulScore, LabCount CoherentHarm, LabCount Refused, LabCount? Other, LabCount? FinetuneAccuracy,
    LabCount? FinetuneAccuracyBegun, double? HarmfulLoss, double RefusalLoss, double AlignmentLoss, double? TaskLoss,
    LabDrift? Drift, double HiddenNorm);

/// <summary>Harmful embedding drift since the alignment.</summary>
/// <param name="PerToken">Mean over tokens of the L2 change, all layers together.</param>
/// <param name="PerLayer">The same for each layer by itself.</param>
public sealed record LabDrift(double PerToken, IReadOnlyList<double> PerLayer);

/// <summary>A point of the curves over the attack's steps.</summary>
/// <param name="Step">Steps done; 0 is the aligned model.</param>
/// <param name="HarmfulScore">HS.</param>
/// <param name="FinetuneAccuracy">FA, exact; null without a task.</param>
/// <param name="RefusalLoss">Nats per token of refusals of the test questions.</param>
/// <param name="AlignmentLoss">Nats per token of refusals in the alignment data.</param>
/// <param name="Drift">Since the alignment.</param>
public sealed record LabPoint(
    int Step, LabCount HarmfulScore, LabCount? FinetuneAccuracy, double RefusalLoss, double AlignmentLoss, LabDrift Drift);

/// <summary>What a gradient rule added to the hidden embeddings.</summary>
/// <param name="Norm">Mean over the alignment's steps of ||eps||, the whole batch and all layers together.</param>
/// <param name="PerToken">Mean over the tokens of the measured steps of a token's ||eps||, all layers together.</param>
/// <param name="HiddenPerToken">The same of ||e||.</param>
/// <param name="Relative">Mean over those tokens of ||eps|| / ||e||.</param>
/// <param name="Steps">The measured steps.</param>
public sealed record LabPerturbation(
    double Norm, double PerToken, double HiddenPerToken, double Relative, IReadOnlyList<int> Steps);

/// <summary>
/// The last block's attention outputs at the ends of prompts, on the two principal axes of all of them together.
/// </summary>
/// <param name="Explained">The share of the variance that lies along each axis.</param>
/// <param name="Groups">Harmful and benign prompts, before and after the attack.</param>
public sealed record LabProjection(IReadOnlyList<double> Explained, IReadOnlyList<LabCloud> Groups);

/// <summary>The points of one group of a projection, (x, y) each.</summary>
/// <param name="Harmful">Harmful prompts, else prompts of the user's task.</param>
/// <param name="Attacked">After the attack, else before.</param>
/// <param name="Points">The same prompts in the same order before and after.</param>
public sealed record LabCloud(bool Harmful, bool Attacked, IReadOnlyList<IReadOnlyList<double>> Points);

/// <summary>The work of a cell's training: the same wherever it runs.</summary>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Trained">Numbers trained.</param>
/// <param name="ForwardsPerStep">Forward passes in a step, on average.</param>
/// <param name="ReversesPerStep">Reverse passes in a step, on average.</param>
/// <param name="PeakBytes">The most memory at once: weights, gradients, optimizer state, activations, perturbation.</param>
/// <param name="TokensPerStep">Real tokens in a step, on average.</param>
public sealed record LabCost(
    int Steps, long Trained, double ForwardsPerStep, double ReversesPerStep, long PeakBytes, double TokensPerStep);

/// <summary>Wall times on the machine that computed the cell, which other cells shared.</summary>
/// <param name="SecondsPerStep">The median over steps.</param>
/// <param name="TrainingSeconds">All steps.</param>
/// <param name="Seconds">The whole cell, with what was measured.</param>
public sealed record LabTimes(double SecondsPerStep, double TrainingSeconds, double Seconds);
