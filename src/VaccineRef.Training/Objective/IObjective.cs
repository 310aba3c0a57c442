using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>What is minimised: one half of a method. The other is the <see cref="IGradientRule{T}"/>.</summary>
public interface IObjective<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name in recipes and reports.</summary>
    string Name { get; }

    /// <summary>Bytes that it holds besides the model and the pass's tape.</summary>
    long StateBytes => 0;

    /// <summary>Records the loss of a batch: a scalar on the pass's tape.</summary>
    Tensor<T> Loss(Pass<T> pass, PackedBatch batch);
}
