using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Laws;

/// <summary>A view on any device with sentinels before and behind it, which nobody may touch.</summary>
public sealed class Guarded<T> : IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int Fence = 64;          // elements: whole cache lines, so that the view is aligned as on a tape
    private readonly Device _device;
    private readonly DeviceBuffer _buffer;
    private readonly View<T> _all;
    private readonly T _sentinel = T.CreateChecked(12345.678);

    /// <summary>Memory for <paramref name="shape"/>, zero, or the given values.</summary>
    public Guarded(Device device, Shape shape, double[]? values = null)
    {
        _device = device;
        _buffer = device.Reserve((shape.Count + (2 * Fence)) * Unsafe.SizeOf<T>());
        _all = new View<T>(_buffer, 0, Shape.Vector(checked((int)shape.Count + (2 * Fence))));
        device.Fill(_all, _sentinel);
        View = _all.Slice(Fence, shape);
        device.Clear(View);
        if (values is not null)
            Values = values;
    }

    /// <summary>The memory between the sentinels.</summary>
    public View<T> View { get; }

    /// <summary>The elements.</summary>
    public double[] Values
    {
        get => [.. Download()[Fence..^Fence].Select(double.CreateTruncating)];
        set => _device.Upload<T>(value.Select(T.CreateTruncating).ToArray(), View);
    }

    /// <summary>Whether every sentinel stands.</summary>
    public bool IsIntact
    {
        get
        {
            var all = Download().AsSpan();
            return !all[..Fence].ContainsAnyExcept(_sentinel) && !all[^Fence..].ContainsAnyExcept(_sentinel);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _buffer.Dispose();

    private T[] Download()
    {
        var values = new T[_all.Shape.Count];
        _device.Download(_all, values);
        return values;
    }
}
