using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>The name and the type under which a checkpoint stores a tensor.</summary>
public readonly record struct StoredAs(string Name, TensorType Type);

/// <summary>Where the values of a model's parameters come from.</summary>
public interface IWeightSource<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// Announces that a parameter will be asked for, before memory is allocated for it. The sizes come from a
    /// configuration, which may be wrong.
    /// </summary>
    /// <param name="name">The full name of the parameter.</param>
    /// <param name="dimensions">Its dimensions in a checkpoint.</param>
    /// <exception cref="CheckpointException">The source has the parameter with other dimensions.</exception>
    void Expect(string name, IReadOnlyList<long> dimensions)
    {
    }

    /// <summary>Writes the values of a parameter.</summary>
    /// <param name="name">The full name of the parameter.</param>
    /// <param name="dimensions">Its dimensions in a checkpoint.</param>
    /// <param name="initializer">How to initialise it if the source stores no values.</param>
    /// <param name="to">Where the values are written.</param>
    /// <returns>
    /// The name and the type in which the source stores the parameter, or in which it should be stored.
    /// </returns>
    StoredAs Fill(string name, IReadOnlyList<long> dimensions, Initializer initializer, View<T> to);

    /// <summary>Writes the values of a parameter that is kept in bfloat16, each rounded once.</summary>
    /// <param name="name">The full name of the parameter.</param>
    /// <param name="dimensions">Its dimensions in a checkpoint.</param>
    /// <param name="initializer">How to initialise it if the source stores no values.</param>
    /// <param name="to">Where the values are written.</param>
    /// <returns>As for a parameter that is kept in full.</returns>
    StoredAs Fill(string name, IReadOnlyList<long> dimensions, Initializer initializer, View<ushort> to);

    /// <summary>
    /// Says that a second name stands for the same parameter, as for a head that is tied to the embedding.
    /// </summary>
    /// <returns>How the source stores the second name; null if it does not.</returns>
    /// <exception cref="CheckpointException">The source has other values under the second name.</exception>
    StoredAs? Tie(string name, Parameter<T> to);

    /// <summary>Called after the model has asked for all its parameters.</summary>
    /// <exception cref="CheckpointException">
    /// The source lacked a parameter, or it has one that the model does not.
    /// </exception>
    void Finish();
}
