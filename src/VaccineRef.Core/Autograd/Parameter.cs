using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// A named weight. <see cref="Gradient"/> is empty while the parameter is frozen; where it is not, the reverse pass adds into it,
/// and it outlives the tape: micro-batches accumulate by themselves.
/// </summary>
public sealed class Parameter<T>(string name, View<T> value, IReadOnlyList<long> dimensions)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>A frozen matrix that is kept in bfloat16.</summary>
    public Parameter(string name, View<ushort> compact, IReadOnlyList<long> dimensions)
        : this(name, default(View<T>), dimensions) => Compact = compact;

    /// <summary>The checkpoint's name, verbatim: "model.layers.0.self_attn.q_proj.weight".</summary>
    public string Name { get; } = name;

    /// <summary>The values, as rows and columns; a vector is one row. Empty where they are kept compact.</summary>
    public View<T> Value { get; } = value;

    /// <summary>The bits of a frozen matrix that is kept in <see cref="BFloat16"/>; empty otherwise.</summary>
    public View<ushort> Compact { get; }

    /// <summary>Whether the values are kept in bfloat16.</summary>
    public bool IsCompact => !Compact.IsEmpty;

    /// <summary>The extents in the checkpoint: [C] for a vector, [out, in] for a matrix.</summary>
    public IReadOnlyList<long> Dimensions { get; } = dimensions;

    /// <summary>Rows and columns.</summary>
    public Shape Shape => IsCompact ? Compact.Shape : Value.Shape;

    /// <summary>Where the reverse pass adds dL/dw; empty while frozen.</summary>
    public View<T> Gradient { get; private set; }

    /// <summary>Whether this parameter is being trained.</summary>
    public bool IsTrainable => !Gradient.IsEmpty;

    /// <summary>Makes the parameter trainable, with a gradient from <paramref name="state"/>, set to zero.</summary>
    /// <exception cref="InputException">The values are kept compact: a step would be lost to rounding.</exception>
    public void Train(Arena state) => Gradient = IsCompact
        ? throw new InputException(
            "weights kept in bfloat16 are frozen", Name, "a stage that trains them", "an adapter that is trained instead",
            "give the stage a lora, or keep the weights in full")
        : state.Allocate<T>(Shape, clear: true);

    /// <summary>Freezes the parameter.</summary>
    public void Freeze() => Gradient = default;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} {Shape}";
}
