using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// A place in the tree of a model's parameter names: <c>weights.At("self_attn").At("q_proj").Get("weight", [out, in],
/// initializer)</c>.
/// </summary>
/// <param name="Store">The store that makes the parameters.</param>
/// <param name="Path">The name of the module, such as "model.layers.0.self_attn"; empty for the whole model.</param>
public readonly record struct Weights<T>(WeightStore<T> Store, string Path = "")
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The place below this one that has the given name.</summary>
    public Weights<T> At(string name) => this with { Path = Join(name) };

    /// <summary>The place of an element of a list below this one.</summary>
    public Weights<T> At(int index) => At($"{index}");

    /// <summary>Makes the parameter with this name below this place (see <see cref="WeightStore{T}.Get"/>).</summary>
    public Parameter<T> Get(string name, ReadOnlySpan<int> dimensions, Initializer initializer) =>
        Store.Get(Join(name), dimensions, initializer);

    /// <summary>Makes the weight of a linear layer (see <see cref="WeightStore{T}.Matrix"/>).</summary>
    public Parameter<T> Matrix(string name, ReadOnlySpan<int> dimensions, Initializer initializer) =>
        Store.Matrix(Join(name), dimensions, initializer);

    /// <summary>
    /// The output head, (V, C). If it is tied, it is the embedding itself, otherwise a parameter of its own. In Hugging
    /// Face its name is "lm_head" in every family.
    /// </summary>
    public Parameter<T> Head(Parameter<T> embedding, bool tied, double standardDeviation)
    {
        const string Name = "lm_head.weight";
        if (!tied)
            return Get(Name, [embedding.Shape.Rows, embedding.Shape.Columns], Initializer.Normal(standardDeviation))
                .AsTable();
        Store.Tie(Name, embedding);
        return embedding;
    }

    private string Join(string name) => Path.Length == 0 ? name : $"{Path}.{name}";
}
