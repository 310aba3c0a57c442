using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The loss that is minimised: one half of a method. The other half is the <see cref="IGradientRule{T}"/>.</summary>
public interface IObjective<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name in recipes and reports.</summary>
    string Name { get; }

    /// <summary>Bytes that the objective holds beside the model and the tape.</summary>
    long StateBytes => 0;

    /// <summary>
    /// What is minimised on alignment data that a rule of the fine-tuning draws besides the stage's; the objective itself unless it says
    /// otherwise.
    /// </summary>
    IObjective<T> Aligning => this;

    /// <summary>Computes the loss of a batch on the tape of the pass.</summary>
    /// <returns>A scalar, (1, 1).</returns>
    Tensor<T> Loss(Pass<T> pass, PackedBatch batch);
}
