using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// An operand divided into strips of <paramref name="width"/> rows. A strip is read where it lies or from packed
/// memory, in which the strip's rows lie side by side for every p. A last strip with fewer rows is always packed and
/// filled up with zeros.
/// </summary>
/// <param name="source">The operand, from its first row and first p on.</param>
/// <param name="rows">The number of rows.</param>
/// <param name="depth">The number of p.</param>
/// <param name="width">The number of rows in a strip, as the tile takes them.</param>
/// <param name="whole">Whether all strips are packed, and not only an incomplete one.</param>
/// <param name="packed">Room for <see cref="PackedSize"/> bytes.</param>
internal readonly unsafe struct Panel<T>(Strip<T> source, int rows, int depth, int width, bool whole, T* packed)
    where T : unmanaged, INumberBase<T>
{
    private const int Stretch = 16;     // p at a time where packing transposes: one cache line of each row
    private const int PerTask = 64;     // p in a task where the rows lie side by side already
    private const int AtOnce = 8;       // p whose cache lines are kept until all strips have copied their part

    private readonly int _firstPacked = whole ? 0 : rows / width;

    public int Strips => (rows + width - 1) / width;

    /// <summary>The number of tasks that packing is divided into.</summary>
    public int Tasks =>
        _firstPacked == Strips ? 0 : source.Outer == 1 ? (depth + PerTask - 1) / PerTask : Strips - _firstPacked;

    /// <summary>The number of bytes that the packed memory must have, in whole cache lines.</summary>
    public static long PackedSize(int rows, int depth, int width, bool whole) =>
        ((whole ? (rows + width - 1) / width : 1L) * width * depth * sizeof(T) + RentedMemory.Alignment - 1)
        / RentedMemory.Alignment * RentedMemory.Alignment;

    /// <summary>How many rows of strip <paramref name="s"/> there really are.</summary>
    public int RowsOf(int s) => Math.Min(width, rows - s * width);

    /// <summary>Strip s, as the tile reads it.</summary>
    public Strip<T> this[int s] => s < _firstPacked
        ? source.At((nint)s * width, 0)
        : new Strip<T>(Packed(s), 1, width);

    /// <summary>Does task number <paramref name="i"/> of the <see cref="Tasks"/>.</summary>
    public void Pack(int i)
    {
        if (source.Outer != 1)
        {
            PackTransposed(_firstPacked + i);
            return;
        }
        int end = Math.Min(depth, (i + 1) * PerTask);
        for (int p = i * PerTask; p < end; p += AtOnce)
            for (int s = _firstPacked; s < Strips; s++)
                Copy(s, p, Math.Min(end, p + AtOnce));
    }

    private T* Packed(int s) => packed + (nint)(s - _firstPacked) * width * depth;

    private void Copy(int s, int p, int end)
    {
        int real = RowsOf(s);
        T* from = source.Start + (nint)s * width + p * source.Inner, to = Packed(s) + (nint)p * width;
        for (; p < end; p++, from += source.Inner, to += width)
        {
            Copy((byte*)from, (byte*)to, real * sizeof(T));
            for (int r = real; r < width; r++)
                to[r] = T.Zero;
        }
    }

    // A strip is 24 to 128 bytes wide, which is too short for the call that copies spans. Where the width is not a
    // whole number of vectors, the rest is moved by one vector that ends where the strip ends.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(byte* from, byte* to, int bytes)
    {
        int i = 0;
        for (; i + Vector256<byte>.Count <= bytes; i += Vector256<byte>.Count)
            Vector256.Load(from + i).Store(to + i);
        if (i + Vector128<byte>.Count <= bytes)
            Vector128.Load(from + i).Store(to + i);
        if (i < bytes && bytes >= Vector128<byte>.Count)
            Vector128.Load(from + bytes - Vector128<byte>.Count).Store(to + bytes - Vector128<byte>.Count);
        else
            for (; i < bytes; i += sizeof(T))
                *(T*)(to + i) = *(T*)(from + i);
    }

    private void PackTransposed(int s)
    {
        int real = RowsOf(s);
        var from = source.At((nint)s * width, 0);
        T* to = Packed(s);
        if (real < width)
            new Span<T>(to, width * depth).Clear();
        for (int first = 0; first < depth; first += Stretch)
            PackTransposed(from.At(0, first), real, Math.Min(Stretch, depth - first), width, to + (nint)first * width);
    }

    private static void PackTransposed(Strip<T> from, int real, int stretch, int width, T* to)
    {
        int r = 0;
        if (stretch == Stretch && from.Inner == 1)
        {
            for (; r + Transpose<T>.Size <= real; r += Transpose<T>.Size)
                for (int p = 0; p < Stretch; p += Transpose<T>.Size)
                    Transpose<T>.Square(from.Start + r * from.Outer + p, from.Outer, to + p * width + r, width);
        }
        for (; r < real; r++)
            for (int p = 0; p < stretch; p++)
                to[p * width + r] = from.Start[r * from.Outer + p * from.Inner];
    }
}
