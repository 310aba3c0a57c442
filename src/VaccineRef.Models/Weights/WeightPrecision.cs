using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// How the weights of linear layers are stored in memory. Embeddings, norms, biases and adapters are always stored in full.
/// </summary>
public enum WeightPrecision
{
    /// <summary>In the type in which the model computes.</summary>
    Full,

    /// <summary>
    /// In bfloat16, and widened when they are read. They take half the memory of float. They cannot be trained, only
    /// adapted. Weights from a bfloat16 checkpoint are exact; other weights are rounded once, by at most 2^-8 of each
    /// weight.
    /// </summary>
    Bf16,
}

/// <summary>Reads weights that are stored in bfloat16.</summary>
internal static class CompactWeight
{
    /// <summary>Copies the values to the host and widens them. A device that only counts has none.</summary>
    public static T[] Read<T>(Device device, View<ushort> from) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (device is DryDevice)
            return [];
        var bits = new ushort[from.Shape.Count];
        device.Download(from, bits);
        var values = new T[bits.Length];
        BFloat16.Widen(bits, values);
        return values;
    }
}
