using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>Weights that are kept in bfloat16, on the host.</summary>
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
}
