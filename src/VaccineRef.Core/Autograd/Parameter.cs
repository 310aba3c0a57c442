using System.Numerics;

namespace VaccineRef.Core;

/// <summary>Makes parameters where there is no checkpoint.</summary>
public static class Parameter
{
    /// <summary>Makes a parameter in an arena, frozen.</summary>
    /// <param name="arena">Where its values live.</param>
    /// <param name="name">Its name.</param>
    /// <param name="dimensions">[C] for a vector, [out, in] for a matrix.</param>
    /// <param name="values">The values, row by row; none for zeros.</param>
    /// <exception cref="InputException">
    /// There are neither one nor two dimensions, or not as many values as they say.
    /// </exception>
    public static Parameter<T> Make<T>(
        Arena arena, string name, ReadOnlySpan<int> dimensions, ReadOnlySpan<T> values = default)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (dimensions.Length is not (1 or 2) || dimensions.ContainsAnyInRange(int.MinValue, 0))
            throw new InputException(
                "a parameter is a vector or a matrix", name, $"[{string.Join(", ", dimensions.ToArray())}]",
                "one or two sizes above 0");
        var shape = dimensions.Length == 1 ? Shape.Vector(dimensions[0]) : new Shape(dimensions[0], dimensions[1]);
        if (!values.IsEmpty && values.Length != shape.Count)
            throw new InputException(
                "a parameter has another number of values", name, $"{values.Length}", $"{shape.Count}");
        var view = arena.Allocate<T>(shape, clear: values.IsEmpty);
        if (!values.IsEmpty)
            arena.Device.Upload(values, view);
        return new(name, view, dimensions.Length == 1 ? [dimensions[0]] : [dimensions[0], dimensions[1]]);
    }
}

/// <summary>
/// A named weight of a model. While it is trainable it has a <see cref="Gradient"/>, to which every reverse pass adds.
/// The gradient is independent of any tape, so that micro-batches add up by themselves.
/// </summary>
public sealed class Parameter<T>(string name, View<T> value, IReadOnlyList<long> dimensions)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Makes a matrix whose values are kept in bfloat16 and cannot be trained.</summary>
    public Parameter(string name, View<ushort> compact, IReadOnlyList<long> dimensions)
        : this(name, default(View<T>), dimensions) => Compact = compact;

    /// <summary>The name exactly as in the checkpoint, such as "model.layers.0.self_attn.q_proj.weight".</summary>
    public string Name { get; } = name;

    /// <summary>The values as a matrix; a vector is one row. Empty if the values are kept in bfloat16.</summary>
    public View<T> Value { get; } = value;

    /// <summary>The bits of a matrix that is kept in <see cref="BFloat16"/>; empty for any other parameter.</summary>
    public View<ushort> Compact { get; }

    /// <summary>Whether the values are kept in bfloat16.</summary>
    public bool IsCompact => !Compact.IsEmpty;

    /// <summary>The dimensions in the checkpoint: [C] for a vector, [out, in] for a matrix.</summary>
    public IReadOnlyList<long> Dimensions { get; } = dimensions;

    /// <summary>
    /// Whether its rows stand for tokens or places, one each, as in an embedding or a head. Such a matrix is no map
    /// between embeddings, and optimizers that treat maps in a way of their own leave it out.
    /// </summary>
    public bool IsTable { get; private set; }

    /// <summary>Rows and columns.</summary>
    public Shape Shape => IsCompact ? Compact.Shape : Value.Shape;

    /// <summary>Where the reverse pass adds dL/dw; empty while the parameter is frozen.</summary>
    public View<T> Gradient { get; private set; }

    /// <summary>Whether this parameter is being trained.</summary>
    public bool IsTrainable => !Gradient.IsEmpty;

    /// <summary>
    /// Makes the parameter trainable, with a gradient of zeros in the arena <paramref name="state"/>.
    /// </summary>
    /// <exception cref="InputException">The values are kept in bfloat16, which would round most steps away.</exception>
    public void Train(Arena state) => Gradient = IsCompact
        ? throw new InputException(
            "weights kept in bfloat16 are frozen", Name, "a stage that trains them",
            "an adapter that is trained instead",
            "give the stage a lora, or keep the weights in full")
        : state.Allocate<T>(Shape, clear: true);

    /// <summary>Says that the rows stand for tokens or places (<see cref="IsTable"/>).</summary>
    /// <returns>The same parameter.</returns>
    public Parameter<T> AsTable()
    {
        IsTable = true;
        return this;
    }

    /// <summary>Freezes the parameter: it has no gradient any more.</summary>
    public void Freeze() => Gradient = default;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Shape}";
}
