namespace VaccineRef.Kernels;

/// <summary>
/// The extents of one product on a GPU, as its kernels take them: C (M, N), summed over K. Element (r, p) of op(A), and
/// element (p, r) of op(B), lies at r * Outer + p * Inner of its operand.
/// </summary>
internal readonly struct GpuProduct(int m, int n, int k, bool transposeA, bool transposeB)
{
    public readonly int M = m, N = n, K = k;
    public readonly long OuterA = transposeA ? 1 : k, InnerA = transposeA ? m : 1;
    public readonly long OuterB = transposeB ? k : 1, InnerB = transposeB ? 1 : n;
}
