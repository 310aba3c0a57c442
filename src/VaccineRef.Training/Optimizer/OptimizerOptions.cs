using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;

namespace VaccineRef.Training;

/// <summary>
/// What a recipe says of an optimizer, by which gradients move parameters: which one, and its settings. A record for
/// each. To add one, write its record and its routine and add its line to the list below. What all of them share, such
/// as clipping, the two groups of parameters and what is held, stands in <see cref="Optimizer{T}"/>.
/// </summary>
/// <param name="LearningRate">The largest learning rate of the schedule.</param>
/// <param name="WeightDecay">The weight decay of matrices. Vectors never decay.</param>
/// <param name="MaxGradientNorm">The norm to which the whole gradient is clipped; 0 turns clipping off.</param>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(AdamWOptions), "adamw")]
[JsonDerivedType(typeof(SgdOptions), "sgd")]
[JsonDerivedType(typeof(RmsPropOptions), "rmsprop")]
[JsonDerivedType(typeof(MuonOptions), "muon")]
public abstract record OptimizerOptions(
    [property: JsonIgnore] double LearningRate, [property: JsonIgnore] double WeightDecay,
    [property: JsonIgnore] double MaxGradientNorm)
{
    /// <summary>The name in recipes and checkpoints.</summary>
    public abstract string Name();

    /// <summary>Names of the numbers that are kept for every number of a parameter; they begin at 0.</summary>
    public abstract IReadOnlyList<string> State<T>(Parameter<T> parameter)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Memory that a step on a parameter works with, behind its state; what it holds is not kept.</summary>
    public virtual IReadOnlyList<Shape> Work<T>(Parameter<T> parameter)
        where T : unmanaged, IFloatingPointIeee754<T> => [];

    /// <summary>
    /// One step on a parameter: its routine takes the value, the gradient, the state, and the memory to work with.
    /// </summary>
    public abstract Routine<T> Step<T>(Parameter<T> parameter, OptimizerStep step)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Checks every setting.</summary>
    /// <param name="require">Takes whether it holds, the setting's name, what was found, and what is expected.</param>
    internal virtual void Validate(Action<bool, string, object, string> require)
    {
        require(LearningRate is >= 0 and < double.PositiveInfinity, "learning_rate", LearningRate, "at least 0");
        require(WeightDecay is >= 0 and < double.PositiveInfinity, "weight_decay", WeightDecay, "at least 0");
        require(MaxGradientNorm >= 0, "max_gradient_norm", MaxGradientNorm, "at least 0; 0 clips nothing");
    }
}

/// <summary>What changes from one step and one parameter to the next.</summary>
/// <param name="Rate">The learning rate.</param>
/// <param name="Decay">The weight decay.</param>
/// <param name="Number">The number of the step, from 1, for this parameter.</param>
/// <param name="Scale">A factor of the gradient.</param>
public readonly record struct OptimizerStep(double Rate, double Decay, long Number, double Scale);

/// <summary>The settings of an optimizer that uses Adam, for all or for some of the parameters.</summary>
/// <param name="LearningRate">The largest learning rate of the schedule.</param>
/// <param name="WeightDecay">The decoupled weight decay of matrices. Vectors never decay.</param>
/// <param name="Beta1">The decay of the first moment.</param>
/// <param name="Beta2">The decay of the second moment.</param>
/// <param name="Epsilon">What is added to the square root of the second moment.</param>
/// <param name="MaxGradientNorm">The norm to which the whole gradient is clipped; 0 turns clipping off.</param>
public abstract record AdamOptions(
    double LearningRate, double WeightDecay, [property: JsonIgnore] double Beta1, [property: JsonIgnore] double Beta2,
    [property: JsonIgnore] double Epsilon,
    double MaxGradientNorm) : OptimizerOptions(LearningRate, WeightDecay, MaxGradientNorm)
{
    /// <summary>Names of the two moments.</summary>
    private protected static IReadOnlyList<string> Moments { get; } = ["first", "second"];

    /// <inheritdoc/>
    internal override void Validate(Action<bool, string, object, string> require)
    {
        base.Validate(require);
        require(Beta1 is >= 0 and < 1, "beta1", Beta1, "in [0, 1)");
        require(Beta2 is >= 0 and < 1, "beta2", Beta2, "in [0, 1)");
        require(Epsilon is > 0 and < 1, "adam_epsilon", Epsilon, "in (0, 1)");
    }

    /// <summary>Adam's step with decoupled decay.</summary>
    private protected Kernels.AdamWStep<T> Adam<T>(OptimizerStep step) where T : unmanaged, IFloatingPointIeee754<T> =>
        new(step.Rate, Beta1, Beta2, Epsilon, step.Decay, step.Number, step.Scale);
}
