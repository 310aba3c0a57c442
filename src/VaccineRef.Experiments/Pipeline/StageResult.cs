using System.Text.Json.Serialization;
using VaccineRef.Experiments.Evaluation;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// What a stage did and what was found after it. But for the times, the same recipe finds the same bits again.
/// </summary>
/// <param name="Schema">Which form this record has.</param>
/// <param name="Hash">SHA-256 of everything that determines the findings.</param>
/// <param name="Stage">The stage's name; "model" for the model as it was given.</param>
/// <param name="Measured">The model at the end; null where nothing was measured.</param>
/// <param name="Perturbation">
/// What the rule added to the hidden embeddings; null where it adds nothing or nobody looked.
/// </param>
/// <param name="Curve">Over the steps of an attack, from step 0; empty elsewhere.</param>
/// <param name="StepsUntilBroken">The first step of the curve at which HS exceeds 50 %; null if none does.</param>
/// <param name="Projection">Hidden embeddings before and after an attack in two dimensions; null elsewhere.</param>
/// <param name="Cost">
/// What the training took, as far as it is the same on every machine; null where nothing was trained.
/// </param>
/// <param name="Times">What it took here; null where times are left out for comparison.</param>
/// <param name="Arithmetic">The device and the precision of its products, on which the last bits depend.</param>
/// <param name="Warnings">
/// What the adapters that were read ask for and do not do; null where there is nothing to say.
/// </param>
/// <param name="Edit">How much an edit changed; null where nothing was edited.</param>
public sealed record StageResult(
    string Schema, string Hash, string Stage, Measurement? Measured, PerturbationSize? Perturbation,
    IReadOnlyList<CurvePoint> Curve,
    int? StepsUntilBroken, EmbeddingProjection? Projection, TrainingCost? Cost, TrainingTimes? Times,
    string? Arithmetic = null, IReadOnlyList<string>? Warnings = null,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] EditSize? Edit = null)
{
    /// <summary>The form of today's records.</summary>
    public const string CurrentSchema = "vaccine-stage/1";

    /// <summary>
    /// Whether the lists of a record that was read fit each other: every drift is over the same layers, and a
    /// projection is one onto two axes.
    /// </summary>
    internal bool HoldsTogether =>
        Curve.Select(point => point.Measured).Append(Measured).Select(each => each?.Drift?.PerLayer.Count).OfType<int>()
            .Distinct().Count() <= 1
        && (Projection is null || (Projection.Explained.Count == 2
            && Projection.Groups.SelectMany(group => group.Points).All(point => point.Count == 2)));
}

/// <summary>What an edit changed in the weights, counted.</summary>
/// <param name="Changed">Numbers that are other ones afterwards.</param>
/// <param name="Numbers">Numbers of the model.</param>
/// <param name="Tensors">Weights of which at least one number changed.</param>
/// <param name="Norm">The length of the whole change.</param>
public sealed record EditSize(long Changed, long Numbers, int Tensors, double Norm);

/// <summary>What a gradient rule added to the hidden embeddings.</summary>
/// <param name="Norm">Mean over the steps of ||eps||, the whole batch and all layers together.</param>
/// <param name="PerToken">Mean over the tokens of the measured steps of a token's ||eps||, all layers together.</param>
/// <param name="HiddenPerToken">The same of ||e||.</param>
/// <param name="Relative">Mean over those tokens of ||eps|| / ||e||.</param>
/// <param name="Steps">The measured steps.</param>
public sealed record PerturbationSize(
    double Norm, double PerToken, double HiddenPerToken, double Relative, IReadOnlyList<int> Steps);

/// <summary>
/// The last block's attention outputs at the ends of prompts, on the two principal axes of all of them together.
/// </summary>
/// <param name="Explained">The share of the variance that lies along each axis.</param>
/// <param name="Groups">Harmful and benign prompts, before and after the attack.</param>
public sealed record EmbeddingProjection(IReadOnlyList<double> Explained, IReadOnlyList<EmbeddingCloud> Groups);

/// <summary>The points of one group of a projection, (x, y) each.</summary>
/// <param name="Harmful">Harmful prompts, else prompts of the user's task.</param>
/// <param name="Attacked">After the attack, else before.</param>
/// <param name="Points">The same prompts in the same order before and after.</param>
public sealed record EmbeddingCloud(bool Harmful, bool Attacked, IReadOnlyList<IReadOnlyList<double>> Points);

/// <summary>The work of a training stage: the same wherever it runs.</summary>
/// <param name="Rule">The gradient rule, with its settings.</param>
/// <param name="Objective">The objective, with its settings.</param>
/// <param name="Steps">Optimizer steps.</param>
/// <param name="Examples">Training examples, with those that were mixed in.</param>
/// <param name="Trained">How many numbers were trained.</param>
/// <param name="ThroughAdapter">Whether they were those of an adapter.</param>
/// <param name="ForwardsPerStep">Forward passes in a step, on average.</param>
/// <param name="ReversesPerStep">Reverse passes in a step, on average.</param>
/// <param name="PeakBytes">
/// The most memory at once: weights, gradients, optimizer state, activations, perturbation.
/// </param>
/// <param name="TokensPerStep">Real tokens in a step, on average.</param>
/// <param name="LastLoss">The loss of the last step.</param>
public sealed record TrainingCost(
    string Rule, string Objective, int Steps, int Examples, long Trained, bool ThroughAdapter, double ForwardsPerStep,
    double ReversesPerStep, long PeakBytes, double TokensPerStep, double LastLoss);

/// <summary>Wall times on the machine that computed the stage, which other stages shared.</summary>
/// <param name="SecondsPerStep">The median over steps.</param>
/// <param name="TrainingSeconds">All steps.</param>
/// <param name="Seconds">The whole stage, with what was measured.</param>
public sealed record TrainingTimes(double SecondsPerStep, double TrainingSeconds, double Seconds);
