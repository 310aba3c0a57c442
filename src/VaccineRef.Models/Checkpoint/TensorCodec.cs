using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// Between the bytes of a file and numbers. Every narrowing rounds once, to nearest, ties to even; NaN stays NaN,
/// infinities stay. A finite value that would become infinite is reported, never stored.
/// </summary>
internal static class TensorCodec
{
    private const int Strip = 1024;

    /// <summary>Converts; returns the first finite value that <typeparamref name="T"/> cannot hold, or null.</summary>
    public static double? DecodeFloats<T>(TensorType type, ReadOnlySpan<byte> from, Span<T> to)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        switch (type)
        {
            case TensorType.F64:
                var doubles = MemoryMarshal.Cast<byte, double>(from);
                if (typeof(T) == typeof(float) && TooLarge(TensorType.F32, doubles) is { } lost)
                    return lost;
                TensorPrimitives.ConvertTruncating(doubles, to);
                break;
            case TensorType.F32:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, float>(from), to);
                break;
            case TensorType.F16:
                TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, Half>(from), to);
                break;
            default:
                BFloat16.Widen(MemoryMarshal.Cast<byte, ushort>(from), to);
                break;
        }

        return null;
    }

    /// <summary>Converts; returns the first finite value that <paramref name="type"/> cannot hold, or null.</summary>
    public static double? EncodeFloats<T>(TensorType type, ReadOnlySpan<T> from, Span<byte> to)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (TooLarge(type, from) is { } lost)
            return lost;
        switch (type)
        {
            case TensorType.F64:
                TensorPrimitives.ConvertTruncating(from, MemoryMarshal.Cast<byte, double>(to));
                break;
            case TensorType.F32:
                TensorPrimitives.ConvertTruncating(from, MemoryMarshal.Cast<byte, float>(to));
                break;
            case TensorType.F16:
                TensorPrimitives.ConvertTruncating(from, MemoryMarshal.Cast<byte, Half>(to));
                break;
            default:
                BFloat16.Narrow(from, MemoryMarshal.Cast<byte, ushort>(to));
                break;
        }

        return null;
    }

    /// <summary>False where a U64 exceeds 2^63 - 1.</summary>
    public static bool TryDecodeIntegers(TensorType type, ReadOnlySpan<byte> from, Span<long> to)
    {
        switch (type)
        {
            case TensorType.Bool or TensorType.U8: TensorPrimitives.ConvertTruncating(from, to); break;
            case TensorType.I8: Widen<sbyte>(from, to); break;
            case TensorType.I16: Widen<short>(from, to); break;
            case TensorType.U16: Widen<ushort>(from, to); break;
            case TensorType.I32: Widen<int>(from, to); break;
            case TensorType.U32: Widen<uint>(from, to); break;
            default: from.CopyTo(MemoryMarshal.AsBytes(to)); break;
        }

        return type != TensorType.U64 || !to.ContainsAnyInRange(long.MinValue, -1);
    }

    /// <summary>
    /// Stores the low bytes of each value; returns the first value that the type cannot hold, or null.
    /// </summary>
    public static long? EncodeIntegers(TensorType type, ReadOnlySpan<long> from, Span<byte> to)
    {
        var (least, most) = type switch
        {
            TensorType.Bool => (0, 1),
            TensorType.U64 => (0, long.MaxValue),
            TensorType.U8 or TensorType.U16 or TensorType.U32 => (0, (1L << (8 * type.Size)) - 1),
            _ => (long.MinValue >> (64 - 8 * type.Size), long.MaxValue >> (64 - 8 * type.Size)),
        };
        var outside = from.IndexOfAnyExceptInRange(least, most);
        if (outside >= 0)
            return from[outside];
        var bytes = MemoryMarshal.AsBytes(from);
        for (var i = 0; i < from.Length; i++)
            bytes.Slice(8 * i, type.Size).CopyTo(to[(type.Size * i)..]);
        return null;
    }

    private static void Widen<TFrom>(ReadOnlySpan<byte> from, Span<long> to)
        where TFrom : unmanaged, IBinaryInteger<TFrom> =>
        TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, TFrom>(from), to);

    // BF16 is the upper half of a float.
    /// <summary>The first finite value that would round to infinity.</summary>
    private static double? TooLarge<T>(TensorType type, ReadOnlySpan<T> values)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        // Half an ulp above the largest number of p digits: there the tie goes up.
        static double Tie(int digits, int exponent) => Math.ScaleB(2 - Math.ScaleB(1, -digits), exponent);

        var bound = T.CreateTruncating(type switch
        {
            TensorType.F16 => Tie(11, 15),
            TensorType.BF16 => Tie(8, 127),
            TensorType.F32 => Tie(24, 127),
            _ => double.PositiveInfinity,
        });
        if (values.IsEmpty || T.IsInfinity(bound) || T.Abs(TensorPrimitives.MaxMagnitudeNumber(values)) < bound)
            return null;
        foreach (var value in values)
        {
            if (T.IsFinite(value) && T.Abs(value) >= bound)
                return double.CreateTruncating(value);
        }

        return null;
    }
}
