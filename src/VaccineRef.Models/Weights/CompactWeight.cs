using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>Values between a device's bfloat16 and the type that is computed in, by way of the host.</summary>
internal static class CompactWeight
{
    /// <summary>Brings compact values to the host, widened.</summary>
    public static T[] Read<T>(Device device, View<ushort> from) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var bits = new ushort[from.Shape.Count];
        device.Download(from, bits);
        var values = new T[bits.Length];
        BFloat16.Widen(bits, values);
        return values;
    }

    /// <summary>Rounds values of the device into compact ones.</summary>
    public static void Write<T>(Device device, View<T> from, View<ushort> to) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var values = new T[from.Shape.Count];
        device.Download(from, values);
        var bits = new ushort[values.Length];
        BFloat16.Narrow<T>(values, bits);
        device.Upload<ushort>(bits, to);
    }
}
