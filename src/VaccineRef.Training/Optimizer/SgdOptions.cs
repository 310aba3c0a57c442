using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Training;

/// <summary>
/// The settings of stochastic gradient descent, as torch.optim.SGD has them. The weight decay is added to the gradient.
/// </summary>
/// <param name="LearningRate">The largest learning rate of the schedule.</param>
/// <param name="WeightDecay">The weight decay of matrices. Vectors never decay.</param>
/// <param name="Momentum">The decay of the sum of gradients; at 0 none is kept.</param>
/// <param name="Dampening">The share of a gradient that is left out of the sum.</param>
/// <param name="Nesterov">Whether a step looks ahead along the sum; that needs momentum, and no dampening.</param>
/// <param name="MaxGradientNorm">The norm to which the whole gradient is clipped; 0 turns clipping off.</param>
public sealed record SgdOptions(
    double LearningRate = 1e-3, double WeightDecay = 0, double Momentum = 0, double Dampening = 0,
    bool Nesterov = false,
    double MaxGradientNorm = 1) : OptimizerOptions(LearningRate, WeightDecay, MaxGradientNorm)
{
    /// <inheritdoc/>
    public override string Name() => "sgd";

    /// <inheritdoc/>
    public override IReadOnlyList<string> State<T>(Parameter<T> parameter) => Momentum > 0 ? ["momentum"] : [];

    /// <inheritdoc/>
    public override Routine<T> Step<T>(Parameter<T> parameter, OptimizerStep step) =>
        new SgdStep<T>(step.Rate, Momentum, Dampening, Nesterov, step.Decay, step.Number, step.Scale);

    /// <inheritdoc/>
    internal override void Validate(Action<bool, string, object, string> require)
    {
        base.Validate(require);
        require(Momentum is >= 0 and < 1, "optimizer.momentum", Momentum, "in [0, 1)");
        require(Dampening is >= 0 and <= 1, "optimizer.dampening", Dampening, "between 0 and 1");
        require(Momentum > 0 || Dampening == 0, "optimizer.dampening", Dampening, "0 where there is no momentum");
        require(
            !Nesterov || (Momentum > 0 && Dampening == 0), "optimizer.nesterov", "true",
            "false without momentum, or with dampening");
    }
}
