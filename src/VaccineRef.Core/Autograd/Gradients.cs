using System.Numerics;

namespace VaccineRef.Core;

/// <summary>What a reverse pass found: dL/dtarget for the targets it was asked for, until the tape is cleared.</summary>
public readonly struct Gradients<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Tape<T> _tape;
    private readonly int _epoch;

    internal Gradients(Tape<T> tape, int epoch) => (_tape, _epoch) = (tape, epoch);

    /// <summary>The gradient of <paramref name="target"/>, of its shape; zero where the loss does not depend on it.</summary>
    /// <exception cref="InvalidOperationException">The tape has been cleared, or this was no target.</exception>
    public View<T> this[Tensor<T> target] => _tape.GradientOf(target, _epoch);
}
