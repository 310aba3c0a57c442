using System.Numerics;

namespace VaccineRef.Core;

/// <summary>A value on a tape. It becomes invalid when the tape is cleared.</summary>
public readonly struct Tensor<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    internal Tensor(int node, int epoch, View<T> value) => (Node, Epoch, Value) = (node, epoch, value);

    /// <summary>Where the values are.</summary>
    public View<T> Value { get; }

    /// <summary>Rows and columns.</summary>
    public Shape Shape => Value.Shape;

    internal int Node { get; }

    /// <summary>Which recording the tensor belongs to: a tape begins a new one whenever it is cleared.</summary>
    internal int Epoch { get; }
}

/// <summary>The result of a reverse pass: dL/dtarget for each target, until the tape is cleared.</summary>
public readonly struct Gradients<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Tape<T> _tape;
    private readonly int _epoch;

    internal Gradients(Tape<T> tape, int epoch) => (_tape, _epoch) = (tape, epoch);

    /// <summary>
    /// The gradient of <paramref name="target"/>, of the same shape. It is zero if the loss does not depend on the
    /// target.
    /// </summary>
    /// <exception cref="InvalidOperationException">
    /// The tape has been cleared, or this value was not a target.
    /// </exception>
    public View<T> this[Tensor<T> target] => _tape.GradientOf(target, _epoch);
}
