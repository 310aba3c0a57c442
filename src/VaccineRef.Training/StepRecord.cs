using System.Text.Json.Serialization;

namespace VaccineRef.Training;

/// <summary>What one optimizer step did. Each is a line of steps.jsonl.</summary>
/// <param name="Step">The number of the step, from 1.</param>
/// <param name="Epoch">The number of the epoch, from 1.</param>
/// <param name="Loss">
/// The loss whose gradient was taken, weighted over the micro-batches. Under Vaccine this is the loss of the perturbed
/// model.
/// </param>
/// <param name="CleanLoss">The loss of the unperturbed model, if the rule computes it.</param>
/// <param name="GradientNorm">||g|| before clipping.</param>
/// <param name="LearningRate">The learning rate of this step.</param>
/// <param name="SiteGradientNorm">||(g_1 .. g_L)|| of the last micro-batch, if the rule computes it.</param>
/// <param name="PerturbationNorm">||eps|| of the last micro-batch; 0 if nothing was perturbed.</param>
/// <param name="Tokens">Number of tokens in the step's batches.</param>
/// <param name="Seconds">Wall time of the step.</param>
public sealed record StepRecord(
    int Step, int Epoch, double Loss, double? CleanLoss, double GradientNorm, double LearningRate,
    double? SiteGradientNorm,
    double PerturbationNorm, int Tokens, double Seconds)
{
    /// <summary>What else the rule measured in the last micro-batch, by its name; null if nothing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, double>? Scalars { get; init; }
}

/// <summary>What a training stage did.</summary>
/// <param name="Steps">Number of steps done.</param>
/// <param name="PlannedSteps">Number of steps planned. Fewer are done if the stage is interrupted.</param>
/// <param name="LastLoss">The loss of the last step; NaN if there was no step.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="Tokens">Number of tokens trained on.</param>
/// <param name="Forwards">Number of forward passes.</param>
/// <param name="Reverses">Number of reverse passes.</param>
/// <param name="PeakActivationBytes">The most memory that activations and their gradients needed at once.</param>
/// <param name="RuleBytes">
/// What the rule and the sum of micro-batches held at the end (<see cref="TrainStep{T}.HeldBytes"/>).
/// </param>
/// <param name="OptimizerBytes">What the optimizer kept.</param>
public sealed record TrainReport(
    int Steps, int PlannedSteps, double LastLoss, double Seconds, long Tokens, long Forwards, long Reverses,
    long PeakActivationBytes,
    long RuleBytes = 0, long OptimizerBytes = 0)
{
    /// <summary>Whether the stage was stopped before its last step.</summary>
    public bool Interrupted => Steps < PlannedSteps;
}
