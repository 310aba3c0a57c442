using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// How a batch becomes gradients: one half of a method. The other half is the <see cref="IObjective{T}"/>.
/// </summary>
public interface IGradientRule<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name in recipes and reports.</summary>
    string Name { get; }

    /// <summary>
    /// Bytes that the rule holds beside the model, the gradients, the tape and the perturbation of a tap.
    /// </summary>
    long StateBytes => 0;

    /// <summary>
    /// Why the micro-batches of a step cannot be divided among ranks, as one sentence without a full stop; null if they
    /// can. A rule for which it is null computes the same for a micro-batch whichever rank takes it and whatever others
    /// were taken before it.
    /// </summary>
    string? Undivided => null;

    /// <summary>
    /// Called once in each step, on every rank, before the first <see cref="Accumulate"/>: for what concerns the whole
    /// step, such as a choice of layers (<see cref="TrainState{T}.Together"/>) or a norm over all micro-batches. Does
    /// nothing where it is not defined.
    /// </summary>
    /// <param name="objective">What is minimised.</param>
    /// <param name="batches">The micro-batches.</param>
    /// <param name="state">Tape, parameters, random stream and counters.</param>
    /// <exception cref="NonFiniteException">The loss is not finite.</exception>
    void Survey(IObjective<T> objective, StepBatches batches, TrainState<T> state)
    {
    }

    /// <summary>
    /// Adds scale times the gradient of a batch to those of the trainable parameters, and clears the tape.
    /// </summary>
    /// <param name="objective">What is minimised.</param>
    /// <param name="batch">One micro-batch.</param>
    /// <param name="state">Tape, parameters, random stream and counters.</param>
    /// <param name="scale">The weight of this micro-batch in the gradient of the step.</param>
    /// <exception cref="NonFiniteException">The loss is not finite.</exception>
    RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1);

    /// <summary>
    /// Called once, after the last step of a stage that was not stopped, for a method whose result is not the last
    /// step's weights.
    /// </summary>
    void Complete(TrainState<T> state)
    {
    }
}

/// <summary>What a rule reports about one micro-batch.</summary>
/// <param name="Loss">
/// The loss whose gradient was taken. If the rule perturbs the model, it is the loss of the perturbed one.
/// </param>
/// <param name="CleanLoss">The loss of the unperturbed model, if the rule computes it.</param>
/// <param name="SiteGradientNorm">||(g_1 .. g_L)||, if the rule computes it.</param>
/// <param name="PerturbationNorm">||eps|| of the hidden embeddings; 0 if they are not moved.</param>
/// <param name="WeightShift">
/// ||eps|| of the trained parameters; 0 if the loss is that of the weights as they are.
/// </param>
public readonly record struct RuleReport(
    double Loss, double? CleanLoss = null, double? SiteGradientNorm = null, double PerturbationNorm = 0,
    double WeightShift = 0)
{
    /// <summary>
    /// Whatever else the rule measures, by its name; null if nothing. It goes into every line of steps.jsonl.
    /// </summary>
    public IReadOnlyDictionary<string, double>? Scalars { get; init; }
}
