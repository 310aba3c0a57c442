namespace VaccineRef.Training;

/// <summary>One optimizer step, as it stands in steps.jsonl.</summary>
/// <param name="Step">From 1.</param>
/// <param name="Epoch">From 1.</param>
/// <param name="Loss">The loss whose gradient was taken, weighted over the micro-batches; the perturbed one under Vaccine.</param>
/// <param name="CleanLoss">The loss of the unperturbed model, where the rule looked at it.</param>
/// <param name="GradientNorm">||g|| before clipping.</param>
/// <param name="LearningRate">The rate of this step.</param>
/// <param name="SiteGradientNorm">||(g_1 .. g_L)|| of the last micro-batch, where the rule took it.</param>
/// <param name="PerturbationNorm">||eps|| of the last micro-batch.</param>
/// <param name="Tokens">Real tokens in the step's batches.</param>
/// <param name="Seconds">Wall time of the step.</param>
public sealed record StepRecord(
    int Step, int Epoch, double Loss, double? CleanLoss, double GradientNorm, double LearningRate, double? SiteGradientNorm,
    double PerturbationNorm, int Tokens, double Seconds);

/// <summary>What a training stage did.</summary>
/// <param name="Steps">Steps done.</param>
/// <param name="PlannedSteps">Steps it should have done; fewer were done if it was interrupted.</param>
/// <param name="LastLoss">Loss of the last step, NaN if there was none.</param>
/// <param name="Seconds">Wall time.</param>
/// <param name="Tokens">Real tokens trained on.</param>
/// <param name="Forwards">Forward passes.</param>
/// <param name="Reverses">Reverse passes.</param>
/// <param name="PeakActivationBytes">The most memory that activations and their gradients took.</param>
public sealed record TrainReport(
    int Steps, int PlannedSteps, double LastLoss, double Seconds, long Tokens, long Forwards, long Reverses, long PeakActivationBytes)
{
    /// <summary>Whether the stage was stopped before its last step.</summary>
    public bool Interrupted => Steps < PlannedSteps;
}
