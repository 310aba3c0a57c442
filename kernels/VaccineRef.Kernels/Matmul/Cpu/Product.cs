using System.Numerics;

namespace VaccineRef.Kernels;

/// <summary>One product: C (M x N) from A, whose rows are strips of op(A), and B, whose rows are columns of op(B),
/// over K.</summary>
internal readonly record struct Product<T>(int M, int N, int K, Strip<T> A, Strip<T> B, Output<T> C)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Fused multiply-adds.</summary>
    public long Work => (long)M * N * K;
}
