using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>
/// The settings of AdamW (Loshchilov and Hutter, arXiv 1711.05101). The defaults are those with which the Hugging Face
/// Trainer uses torch.optim.AdamW. In a recipe they are keys of the training itself.
/// </summary>
/// <param name="LearningRate">The largest learning rate of the schedule.</param>
/// <param name="WeightDecay">The decoupled weight decay of matrices. Vectors never decay.</param>
/// <param name="Beta1">The decay of the first moment.</param>
/// <param name="Beta2">The decay of the second moment.</param>
/// <param name="Epsilon">What is added to the square root of the second moment.</param>
/// <param name="MaxGradientNorm">The norm to which the whole gradient is clipped; 0 turns clipping off.</param>
public sealed record AdamWOptions(
    double LearningRate = 1e-3, double WeightDecay = 0, double Beta1 = 0.9, double Beta2 = 0.999, double Epsilon = 1e-8,
    double MaxGradientNorm = 1) : AdamOptions(LearningRate, WeightDecay, Beta1, Beta2, Epsilon, MaxGradientNorm)
{
    /// <inheritdoc/>
    public override string Name() => "adamw";

    /// <inheritdoc/>
    public override IReadOnlyList<string> State<T>(Parameter<T> parameter) => Moments;

    /// <inheritdoc/>
    public override Routine<T> Step<T>(Parameter<T> parameter, OptimizerStep step) => Adam<T>(step);
}
