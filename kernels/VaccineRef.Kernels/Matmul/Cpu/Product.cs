using System.Numerics;
using System.Runtime.CompilerServices;

namespace VaccineRef.Kernels;

/// <summary>
/// One product C (M, N) of A and B, summed over K. The strips of A are its rows, and those of B are its columns.
/// </summary>
internal readonly record struct Product<T>(int M, int N, int K, Strip<T> A, Strip<T> B, Output<T> C)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The number of fused multiply-adds.</summary>
    public long Work => (long)M * N * K;
}

/// <summary>Rows of A, or columns of B: element (r, p) lies at Start[r * Outer + p * Inner].</summary>
internal readonly unsafe struct Strip<T>(T* start, nint outer, nint inner) where T : unmanaged
{
    public readonly T* Start = start;
    public readonly nint Outer = outer;
    public readonly nint Inner = inner;

    public Strip<T> At(nint r, nint p) => new(Start + r * Outer + p * Inner, Outer, Inner);
}

/// <summary>
/// Where a tile of C goes and how it is written: the address, the row stride, the factor, and whether to add.
/// </summary>
internal readonly unsafe struct Output<T>(T* start, nint stride, T alpha, bool accumulate)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public readonly T* Start = start;
    public readonly nint Stride = stride;
    public readonly T Alpha = alpha;
    public readonly bool Accumulate = accumulate;

    public Output<T> At(nint row, nint column, bool accumulate) =>
        new(Start + row * Stride + column, Stride, Alpha, accumulate);

    /// <summary>Writes one vector. An element gets the same bits whether the vector has one lane or many.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put<V, S>(nint row, nint column, V x) where V : unmanaged where S : ISimd<T, V>
    {
        T* to = Start + row * Stride + column;
        V alpha = S.Broadcast(Alpha);
        S.Store(Accumulate ? S.FusedMultiplyAdd(alpha, x, S.Load(to)) : S.Multiply(alpha, x), to);
    }

    /// <summary>Writes one row of a tile, which is two vectors wide.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Put2<V, S>(nint row, V x, V y) where V : unmanaged where S : ISimd<T, V>
    {
        Put<V, S>(row, 0, x);
        Put<V, S>(row, S.Count, y);
    }
}
