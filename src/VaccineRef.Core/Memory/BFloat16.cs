using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace VaccineRef.Core;

/// <summary>
/// Conversion from and to bfloat16, the upper half of a float's bits. Values are stored so and widened before any
/// arithmetic.
/// </summary>
public static class BFloat16
{
    private const int Strip = 1024;

    /// <summary>Widens bfloat16 values. This is exact.</summary>
    public static void Widen<T>(ReadOnlySpan<ushort> from, Span<T> to) where T : unmanaged, IFloatingPointIeee754<T>
    {
        Span<uint> strip = stackalloc uint[Strip];
        for (int done = 0; done < from.Length; done += Strip)
        {
            var bits = strip[..Math.Min(Strip, from.Length - done)];
            TensorPrimitives.ConvertTruncating(from.Slice(done, bits.Length), bits);
            TensorPrimitives.ShiftLeft(bits, 16, bits);
            TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<uint, float>(bits), to[done..]);
        }
    }

    /// <summary>
    /// Rounds to bfloat16, to nearest with ties to even. Each value is off by at most 2^-8 of itself unless it
    /// underflows. NaN stays NaN.
    /// </summary>
    public static void Narrow<T>(ReadOnlySpan<T> from, Span<ushort> to) where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < from.Length; i++)
        {
            float single = typeof(T) == typeof(float)
                ? float.CreateTruncating(from[i])
                : ToOdd(double.CreateTruncating(from[i]));
            uint bits = BitConverter.SingleToUInt32Bits(single);
            // Half an ulp, less one where the kept bit is even; a NaN is made quiet, for its payload must not round to
            // infinity.
            to[i] = (ushort)(float.IsNaN(single) ? (bits >> 16) | 0x40 : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
        }
    }

    /// <summary>
    /// Rounds to odd: an inexact result keeps its last bit set, so that the second rounding cannot mistake it for a tie
    /// (S. Boldo, G. Melquiond, "Emulation of a FMA and correctly rounded sums", IEEE TC 57(4), 2008).
    /// </summary>
    private static float ToOdd(double x)
    {
        float nearest = (float)x;
        int bits = BitConverter.SingleToInt32Bits(nearest);
        if (nearest == x || double.IsNaN(x) || (bits & 1) == 1)
            return nearest;
        return BitConverter.Int32BitsToSingle(Math.Abs((double)nearest) < Math.Abs(x) ? bits + 1 : bits - 1);
    }
}
