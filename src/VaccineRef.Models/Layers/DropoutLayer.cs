using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// Dropout while training. Its mask comes from the pass's stream by <paramref name="name"/>, so no two layers share
/// one.
/// </summary>
/// <param name="name">A name that no other dropout of the model has.</param>
/// <param name="probability">The share of elements set to 0.</param>
public sealed class DropoutLayer<T>(string name, double probability) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Dropout<T> _dropout = new(probability);

    /// <summary>Whether this pass drops anything.</summary>
    public bool Applies(Pass<T> pass) => pass.Training && probability > 0;

    /// <summary>x with some elements 0 and the others scaled up; x itself where nothing is trained.</summary>
    public Tensor<T> Forward(Pass<T> pass, Tensor<T> x) =>
        Applies(pass) ? pass.Tape.Apply(_dropout, [x], random: pass.Random.At(name)) : x;
}
