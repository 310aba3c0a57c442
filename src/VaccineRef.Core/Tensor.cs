using System.Numerics;

namespace VaccineRef.Core;

/// <summary>A value on a tape: its place in the recording and where its numbers lie. Void after <see cref="Tape{T}.Clear"/>.</summary>
public readonly struct Tensor<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    internal Tensor(int node, int wave, View<T> value) => (Node, Wave, Value) = (node, wave, value);

    /// <summary>The values.</summary>
    public View<T> Value { get; }

    /// <summary>Rows and columns.</summary>
    public Shape Shape => Value.Shape;

    internal int Node { get; }

    /// <summary>Which recording this belongs to; a cleared tape has begun another.</summary>
    internal int Wave { get; }
}
