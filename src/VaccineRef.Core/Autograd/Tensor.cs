using System.Numerics;

namespace VaccineRef.Core;

/// <summary>A value on a tape: its place in the recording and where its numbers lie. Void after <see cref="Tape{T}.Clear"/>.</summary>
public readonly struct Tensor<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    internal Tensor(int node, int epoch, View<T> value) => (Node, Epoch, Value) = (node, epoch, value);

    /// <summary>The values.</summary>
    public View<T> Value { get; }

    /// <summary>Rows and columns.</summary>
    public Shape Shape => Value.Shape;

    internal int Node { get; }

    /// <summary>Which recording the tensor belongs to: a tape begins a new one whenever it is cleared.</summary>
    internal int Epoch { get; }
}
