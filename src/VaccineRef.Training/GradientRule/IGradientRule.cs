using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>How a batch becomes gradients: one half of a method. A rule adds into the trainable parameters' gradients.</summary>
public interface IGradientRule<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name in recipes and reports.</summary>
    string Name { get; }

    /// <summary>Adds the batch's gradient, weighted by <paramref name="scale"/>, and leaves the tape clear.</summary>
    /// <param name="objective">What is minimised.</param>
    /// <param name="batch">One micro-batch.</param>
    /// <param name="state">Tape, random stream and counters of the run.</param>
    /// <param name="scale">The weight of this micro-batch in the step's gradient.</param>
    /// <exception cref="NonFiniteException">The loss is not finite.</exception>
    RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1);
}

/// <summary>What a rule saw on one micro-batch.</summary>
/// <param name="Loss">The loss whose gradient was taken: of the perturbed model where the rule perturbs.</param>
/// <param name="CleanLoss">The loss of the unperturbed model, where the rule looked at it.</param>
/// <param name="SiteGradientNorm">||(g_1 .. g_L)||, where the rule took it.</param>
/// <param name="PerturbationNorm">||eps||, 0 for a plain step.</param>
public readonly record struct RuleReport(
    double Loss, double? CleanLoss = null, double? SiteGradientNorm = null, double PerturbationNorm = 0);
