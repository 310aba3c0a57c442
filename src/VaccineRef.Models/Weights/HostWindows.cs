using System.Buffers;
using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Brings the values of a parameter to the host a window at a time, those that are kept in bfloat16 widened, so that no
/// copy of a large weight waits there.
/// </summary>
internal static class HostWindows
{
    private const int Window = 1 << 18;

    /// <summary>
    /// Gives the values in their order, each window with the number of its first value. A device that only counts has
    /// none.
    /// </summary>
    public static void Each<T>(Device device, Parameter<T> parameter, Action<long, ReadOnlySpan<T>> take)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (device is DryDevice)
            return;
        var values = ArrayPool<T>.Shared.Rent(Window);
        ushort[] bits = ArrayPool<ushort>.Shared.Rent(Window);
        try
        {
            for (long done = 0; done < parameter.Shape.Count; done += Window)
            {
                var part = values.AsSpan(0, (int)Math.Min(Window, parameter.Shape.Count - done));
                Read(device, parameter, done, bits.AsSpan(0, part.Length), part);
                take(done, part);
            }
        }
        finally
        {
            ArrayPool<T>.Shared.Return(values);
            ArrayPool<ushort>.Shared.Return(bits);
        }
    }

    /// <summary>Copies a parameter into a view of the device.</summary>
    public static void Copy<T>(Device device, Parameter<T> parameter, View<T> to)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (parameter.IsCompact)
            Each(device, parameter, (first, values) => device.Upload(
                values, to.Slice(first, Shape.Vector(values.Length))));
        else
            device.Copy(parameter.Value, to);
    }

    private static void Read<T>(Device device, Parameter<T> parameter, long first, Span<ushort> bits, Span<T> to)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var shape = Shape.Vector(to.Length);
        if (!parameter.IsCompact)
        {
            device.Download(parameter.Value.Slice(first, shape), to);
            return;
        }

        device.Download(parameter.Compact.Slice(first, shape), bits);
        BFloat16.Widen(bits, to);
    }
}
