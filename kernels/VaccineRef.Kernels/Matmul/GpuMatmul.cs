using System.Numerics;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>The matrix product on a GPU: one entry, and the choice between its kernels.</summary>
public static class GpuMatmul
{
    /// <summary>
    /// C = [accumulate] C + alpha op(A) op(B), with op(X) = X or its transpose. op(A): (m, k); op(B): (k, n); C: (m,
    /// n). C must not overlap A or B.
    /// <para>
    /// Error against exact arithmetic, for every element: |error| &lt;= (k + 2) eps (|C| + |alpha| sum over p of
    /// |op(A)| |op(B)|), eps = 2^-23 (float) or 2^-52 (double), short of underflow. The bits depend on m, n, k and the
    /// device; every run gives the same.
    /// </para>
    /// <para>
    /// NaN and infinity reach the elements of their row and column and no others. m or n = 0 does nothing; k = 0 leaves
    /// C, or clears it where <paramref name="accumulate"/> is false; then C is never read.
    /// </para>
    /// </summary>
    /// <param name="f">The call, whose scratch memory holds split sums.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">A: (m, k), or (k, m) if <paramref name="transposeA"/>.</param>
    /// <param name="transposeA">Whether op(A) is the transpose of A.</param>
    /// <param name="b">B: (k, n), or (n, k) if <paramref name="transposeB"/>, as a linear layer keeps its
    /// weight.</param>
    /// <param name="transposeB">Whether op(B) is the transpose of B.</param>
    /// <param name="c">C: (m, n).</param>
    /// <param name="accumulate">Whether the product is added to C or replaces it.</param>
    public static void Multiply<T>(
        GpuFrame<T> f, T alpha, GpuView<T> a, bool transposeA, GpuView<T> b, bool transposeB, GpuView<T> c,
        bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (c.IsEmpty)
            return;
        var x = new GpuProduct(c.Rows, c.Columns, transposeA ? a.Rows : a.Columns, transposeA, transposeB);
        GpuTileProduct<T, GpuElements<T>>.Run(f, x, new(a), new(b), c, alpha, accumulate);
    }

    /// <summary>C = [accumulate] C + A op(B), with B in bfloat16, widened on its way into shared memory.</summary>
    internal static void Multiply<T>(
        GpuFrame<T> f, GpuView<T> a, GpuView<ushort> b, bool transposeB, GpuView<T> c, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (c.IsEmpty)
            return;
        var x = new GpuProduct(c.Rows, c.Columns, a.Columns, transposeA: false, transposeB);
        GpuTileProduct<T, GpuBFloat16<T>>.Run(f, x, new(a), new(b), c, T.One, accumulate);
    }
}
