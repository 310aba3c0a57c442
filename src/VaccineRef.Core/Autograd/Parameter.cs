using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// A named weight of a model. While it is trainable it has a <see cref="Gradient"/>, to which every reverse pass adds. The
/// gradient is independent of any tape, so that micro-batches add up by themselves.
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

    /// <summary>Rows and columns.</summary>
    public Shape Shape => IsCompact ? Compact.Shape : Value.Shape;

    /// <summary>Where the reverse pass adds dL/dw; empty while the parameter is frozen.</summary>
    public View<T> Gradient { get; private set; }

    /// <summary>Whether this parameter is being trained.</summary>
    public bool IsTrainable => !Gradient.IsEmpty;

    /// <summary>Makes the parameter trainable, with a gradient of zeros in the arena <paramref name="state"/>.</summary>
    /// <exception cref="InputException">The values are kept in bfloat16, which would round most steps away.</exception>
    public void Train(Arena state) => Gradient = IsCompact
        ? throw new InputException(
            "weights kept in bfloat16 are frozen", Name, "a stage that trains them", "an adapter that is trained instead",
            "give the stage a lora, or keep the weights in full")
        : state.Allocate<T>(Shape, clear: true);

    /// <summary>Freezes the parameter: it has no gradient any more.</summary>
    public void Freeze() => Gradient = default;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Shape}";
}
