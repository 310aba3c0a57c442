using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>The name and the type under which a checkpoint stores a tensor.</summary>
public readonly record struct StoredAs(string Name, TensorType Type);

/// <summary>Where the values of a model's parameters come from.</summary>
public interface IWeightSource<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// Says that a parameter will be asked for, before memory is taken for it: sizes come from a configuration, which
    /// may be wrong.
    /// </summary>
    /// <param name="name">Its full name.</param>
    /// <param name="dimensions">Its extents in a checkpoint.</param>
    /// <exception cref="CheckpointException">The source has the parameter with other extents.</exception>
    void Expect(string name, IReadOnlyList<long> dimensions)
    {
    }

    /// <summary>Writes the values of a parameter.</summary>
    /// <param name="name">Its full name.</param>
    /// <param name="dimensions">Its extents in a checkpoint.</param>
    /// <param name="start">How it begins where nothing is stored.</param>
    /// <param name="to">Where its values go.</param>
    /// <returns>How the source stores it, or how it should be stored.</returns>
    StoredAs Fill(string name, IReadOnlyList<long> dimensions, Start start, View<T> to);

    /// <summary>Takes note that a name stands for another parameter: a head tied to the embedding.</summary>
    /// <returns>How the source stores the second name; null where it does not.</returns>
    /// <exception cref="CheckpointException">The source has other values under the second name.</exception>
    StoredAs? Tie(string name, Parameter<T> to);

    /// <summary>Called when the model has asked for everything it has.</summary>
    /// <exception cref="CheckpointException">Something was missing, or something is left over.</exception>
    void Finish();
}
