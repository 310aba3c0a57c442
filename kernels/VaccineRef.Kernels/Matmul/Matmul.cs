using System.Numerics;
using System.Runtime.Intrinsics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>The matrix product on the processor: one entry, and the choice between its kernels.</summary>
public static unsafe class Matmul
{
    /// <summary>Fused multiply-adds below which one thread is done before a second has come: some 2
    /// microseconds.</summary>
    internal const long WorkWorthAFork = 100_000;

    /// <summary>
    /// C = [accumulate] C + alpha op(A) op(B), with op(X) = X or its transpose. op(A): (m, k); op(B): (k, n); C: (m,
    /// n), row-major, each with its own row stride, in elements. C must not overlap A or B; nothing beyond its n
    /// columns is touched.
    /// <para>
    /// Error against exact arithmetic, for every element:
    /// |error| &lt;= (k + 1) eps (|C| + |alpha| sum over p of |op(A)| |op(B)|), eps = 2^-23 (float) or 2^-52
    /// (double), short of underflow: a product passes through at most k + 1 roundings of eps / 2. The bits depend on
    /// m, n, k and the vector width of the machine, never on the number of threads.
    /// </para>
    /// <para>
    /// NaN and infinity reach the elements of their row and column and no others. m or n = 0 does nothing; k = 0
    /// leaves C, or clears it where <paramref name="accumulate"/> is false; then C is never read.
    /// </para>
    /// Source: Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, TOMS 34(3), 2008.
    /// </summary>
    /// <param name="workers">The team that shares the work, and whose scratch memory holds packed panels.</param>
    /// <param name="m">Rows of C.</param>
    /// <param name="n">Columns of C.</param>
    /// <param name="k">The extent summed over.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">A: (m, k), or (k, m) if <paramref name="transposeA"/>.</param>
    /// <param name="lda">Row stride of A.</param>
    /// <param name="transposeA">Whether op(A) is the transpose of A.</param>
    /// <param name="b">B: (k, n), or (n, k) if <paramref name="transposeB"/>, as a linear layer keeps its
    /// weight.</param>
    /// <param name="ldb">Row stride of B.</param>
    /// <param name="transposeB">Whether op(B) is the transpose of B.</param>
    /// <param name="c">C: (m, n).</param>
    /// <param name="ldc">Row stride of C.</param>
    /// <param name="accumulate">Whether the product is added to C or replaces it.</param>
    public static void Multiply<T>(
        Workers workers, int m, int n, int k, T alpha, T* a, int lda, bool transposeA, T* b, int ldb, bool transposeB,
        T* c, int ldc, bool accumulate) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (m == 0 || n == 0)
            return;
        if (k == 0)
        {
            for (int i = 0; i < m && !accumulate; i++)
                new Span<T>(c + (nint)i * ldc, n).Clear();
            return;
        }

        var rows = transposeA ? new Strip<T>(a, 1, lda) : new Strip<T>(a, lda, 1);
        var columns = transposeB ? new Strip<T>(b, ldb, 1) : new Strip<T>(b, 1, ldb);
        var product = new Product<T>(m, n, k, rows, columns, new Output<T>(c, ldc, alpha, accumulate));
        bool vectors = typeof(T) == typeof(float) || typeof(T) == typeof(double);
        if (vectors && Vector512.IsHardwareAccelerated)
            Choose<T, Vector512<T>, Simd512<T>>(workers, product);
        else if (vectors && Vector256.IsHardwareAccelerated)
            Choose<T, Vector256<T>, Simd256<T>>(workers, product);
        else if (vectors && Vector128.IsHardwareAccelerated)
            Choose<T, Vector128<T>, Simd128<T>>(workers, product);
        else
            Choose<T, T, SimdScalar<T>>(workers, product);
    }

    // A few rows against all of B, the product of decoding, is bound by reading B once, in the direction in which it
    // lies: by dot products along its rows, unless k is so short that finishing a sum costs more than the sum; or, with
    // fewer rows than a tile has, by sums of its rows. Everything else goes tile by tile.
    private static void Choose<T, V, S>(Workers workers, in Product<T> x)
        where T : unmanaged, IFloatingPointIeee754<T>
        where V : unmanaged
        where S : ISimd<T, V>
    {
        if (x.A.Inner == 1 && x.B.Inner == 1 && x.M <= Math.Clamp(x.K / 8, 1, 32))
            DotProduct<T, V, S>.Run(workers, x);
        else if (x.B.Outer == 1 && x.M < Tile<T, V, S>.Rows)
            RowProduct<T, V, S>.Run(workers, x);
        else
            PanelProduct<T, V, S>.Run(workers, x);
    }
}
