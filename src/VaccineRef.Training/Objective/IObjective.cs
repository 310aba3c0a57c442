using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// The loss that is minimised: one half of a method. The other half is the <see cref="IGradientRule{T}"/>.
/// </summary>
public interface IObjective<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name in recipes and reports.</summary>
    string Name { get; }

    /// <summary>Bytes that the objective holds beside the model and the tape.</summary>
    long StateBytes => 0;

    /// <summary>
    /// What is minimised on alignment data that a rule of the fine-tuning draws besides the stage's; the objective
    /// itself unless it says otherwise.
    /// </summary>
    IObjective<T> Aligning => this;

    /// <summary>The same objective on the hidden states of every layer, for rules that look at them.</summary>
    /// <exception cref="InputException">The objective has no such form.</exception>
    IObjective<T> Layerwise => throw new InputException(
        "the objective has no loss of every layer, which the rule needs", "objective", Name, "cross_entropy");

    /// <summary>What is minimised where a rule wants the same model to know nothing.</summary>
    /// <exception cref="InputException">The objective has no such form.</exception>
    IObjective<T> Entropy => throw new InputException(
        "the objective has no entropy, which the rule needs", "objective", Name, "cross_entropy");

    /// <summary>
    /// What enters the head in some rows of a batch, (M, C), for rules that look at it or that need a pass and no loss.
    /// </summary>
    /// <exception cref="InputException">The objective has no such form.</exception>
    Tensor<T> Hidden(Pass<T> pass, PackedBatch batch, int[] rows) => throw new InputException(
        "the objective does not show what enters the head, which the rule needs", "objective", Name, "cross_entropy");

    /// <summary>Computes the loss of a batch on the tape of the pass.</summary>
    /// <returns>A scalar, (1, 1).</returns>
    Tensor<T> Loss(Pass<T> pass, PackedBatch batch);
}
