using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// An operand cut into strips of <paramref name="width"/> rows. Strips are read where they lie or from packed memory,
/// where p runs outside and the strip's rows lie side by side; a ragged last strip is always packed and filled up
/// with zeros.
/// </summary>
/// <param name="source">The operand, from its first row and first p.</param>
/// <param name="rows">How many rows.</param>
/// <param name="depth">How many p.</param>
/// <param name="width">Rows in a strip: what the tile takes.</param>
/// <param name="whole">Whether all strips are packed, not just a ragged one.</param>
/// <param name="packed">Room for <see cref="PackedSize"/> bytes.</param>
internal readonly unsafe struct Panel<T>(Strip<T> source, int rows, int depth, int width, bool whole, T* packed)
    where T : unmanaged, INumberBase<T>
{
    private const int Stretch = 16;     // p at a time when packing turns rows into columns: one cache line of each row

    private readonly int _firstPacked = whole ? 0 : rows / width;

    public int Strips => (rows + width - 1) / width;

    public int StripsToPack => Strips - _firstPacked;

    /// <summary>Bytes that <c>packed</c> must have, in whole cache lines.</summary>
    public static long PackedSize(int rows, int depth, int width, bool whole) =>
        ((whole ? (rows + width - 1) / width : 1L) * width * depth * sizeof(T) + Scratch.Alignment - 1)
        / Scratch.Alignment * Scratch.Alignment;

    /// <summary>How many rows of strip s are real.</summary>
    public int RowsOf(int s) => Math.Min(width, rows - s * width);

    /// <summary>Strip s, as the tile reads it.</summary>
    public Strip<T> this[int s] => s < _firstPacked
        ? source.At((nint)s * width, 0)
        : new Strip<T>(packed + (nint)(s - _firstPacked) * width * depth, 1, width);

    /// <summary>Packs the i-th of the <see cref="StripsToPack"/>.</summary>
    public void Pack(int i)
    {
        int s = _firstPacked + i, real = RowsOf(s);
        var from = source.At((nint)s * width, 0);
        T* to = packed + (nint)i * width * depth;
        if (real < width)
            new Span<T>(to, width * depth).Clear();
        if (from.Outer == 1)
        {
            for (int p = 0; p < depth; p++)
                new ReadOnlySpan<T>(from.Start + p * from.Inner, real).CopyTo(new Span<T>(to + (nint)p * width, real));
            return;
        }
        for (int first = 0; first < depth; first += Stretch)
            Turn(from.At(0, first), real, Math.Min(Stretch, depth - first), to + (nint)first * width);
    }

    private void Turn(Strip<T> from, int real, int stretch, T* to)
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
