using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Models;

/// <summary>
/// Dropout in training. The mask is drawn from the random stream of the pass under the layer's name, so that no two
/// layers have the same mask.
/// </summary>
/// <param name="name">A name that no other dropout layer of the model has.</param>
/// <param name="probability">The probability with which an element is set to 0.</param>
public sealed class DropoutLayer<T>(string name, double probability) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Dropout<T> _dropout = new(probability);

    /// <summary>Whether anything is dropped in this pass.</summary>
    public bool Applies(Pass<T> pass) => pass.Training && probability > 0;

    /// <summary>x with some elements set to 0 and the others scaled up. Outside of training, x itself.</summary>
    public Tensor<T> Forward(Pass<T> pass, Tensor<T> x) =>
        Applies(pass) ? pass.Tape.Apply(_dropout, [x], random: pass.Random.At(name)) : x;
}
