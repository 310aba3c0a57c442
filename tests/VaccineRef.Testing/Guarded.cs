using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Testing;

/// <summary>A view with sentinels before and behind it, which nobody may touch.</summary>
public sealed class Guarded<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Fence = 64;          // elements: whole cache lines, so that the view is aligned as on a tape
    private readonly HostBuffer _buffer;
    private readonly View<T> _all;
    private readonly T _sentinel = T.CreateChecked(12345.678);

    /// <summary>Memory for <paramref name="shape"/>, zero, or the given values.</summary>
    public Guarded(Shape shape, double[]? values = null)
    {
        _buffer = new HostBuffer((shape.Count + (2 * Fence)) * Unsafe.SizeOf<T>());
        _all = new View<T>(_buffer, 0, Shape.Vector(checked((int)shape.Count + (2 * Fence))));
        _all.Span.Fill(_sentinel);
        View = _all.Slice(Fence, shape);
        View.Span.Clear();
        if (values is not null)
            Values = values;
    }

    /// <summary>The memory between the sentinels.</summary>
    public View<T> View { get; }

    /// <summary>The elements.</summary>
    public double[] Values
    {
        get => [.. View.Span.ToArray().Select(double.CreateTruncating)];
        set => value.Select(T.CreateTruncating).ToArray().CopyTo(View.Span);
    }

    /// <summary>Whether every sentinel stands.</summary>
    public bool IsIntact =>
        !_all.Span[..Fence].ContainsAnyExcept(_sentinel) && !_all.Span[^Fence..].ContainsAnyExcept(_sentinel);

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();
}
