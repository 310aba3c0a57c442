using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Training;

/// <summary>
/// The settings of RMSProp, as torch.optim.RMSprop has them, not centred. The weight decay is added to the gradient.
/// </summary>
/// <param name="LearningRate">The largest learning rate of the schedule.</param>
/// <param name="WeightDecay">The weight decay of matrices. Vectors never decay.</param>
/// <param name="Alpha">The decay of the mean of the squared gradients.</param>
/// <param name="Epsilon">What is added to the root of that mean.</param>
/// <param name="Momentum">The decay of the sum of steps; at 0 none is kept.</param>
/// <param name="MaxGradientNorm">The norm to which the whole gradient is clipped; 0 turns clipping off.</param>
public sealed record RmsPropOptions(
    double LearningRate = 1e-3, double WeightDecay = 0, double Alpha = 0.99, double Epsilon = 1e-8, double Momentum = 0,
    double MaxGradientNorm = 1) : OptimizerOptions(LearningRate, WeightDecay, MaxGradientNorm)
{
    /// <inheritdoc/>
    public override string Name() => "rmsprop";

    /// <inheritdoc/>
    public override IReadOnlyList<string> State<T>(Parameter<T> parameter) =>
        Momentum > 0 ? ["square", "momentum"] : ["square"];

    /// <inheritdoc/>
    public override Routine<T> Step<T>(Parameter<T> parameter, OptimizerStep step) =>
        new RmsPropStep<T>(step.Rate, Alpha, Epsilon, Momentum, step.Decay, step.Scale);

    /// <inheritdoc/>
    internal override void Validate(Action<bool, string, object, string> require)
    {
        base.Validate(require);
        require(Alpha is >= 0 and < 1, "optimizer.alpha", Alpha, "in [0, 1)");
        require(Epsilon is > 0 and < 1, "optimizer.epsilon", Epsilon, "in (0, 1)");
        require(Momentum is >= 0 and < 1, "optimizer.momentum", Momentum, "in [0, 1)");
    }
}
