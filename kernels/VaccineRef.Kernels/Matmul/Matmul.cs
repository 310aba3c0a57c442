using System.Numerics;
using System.Runtime.Intrinsics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>The matrix product on the processor: the entry, and the choice between its kernels.</summary>
public static unsafe class Matmul
{
    /// <summary>
    /// The number of fused multiply-adds below which one thread finishes before a second one has started, some 2
    /// microseconds.
    /// </summary>
    internal const long WorkWorthAFork = 100_000;

    /// <summary>
    /// C = alpha A B, or C += alpha A B. A is (m, k), B is (k, n) and C is (m, n); any of them may be a transpose
    /// (<see cref="Matrix{T}.Transposed"/>) and may be a part of a larger matrix. C must not overlap A or B, and
    /// nothing but its elements is written.
    /// <para>
    /// Error against exact arithmetic, for every element: |error| &lt;= (k + 1) eps (|C| + |alpha| sum over p of |A_ip|
    /// |B_pj|), where eps is 2^-23 (float) or 2^-52 (double) and nothing underflows, because a product passes through
    /// at most k + 1 roundings of eps / 2. The bits depend on m, n, k and the vector width of the machine, never on the
    /// number of threads.
    /// </para>
    /// <para>
    /// NaN and infinity reach the elements of their row and column and no others. If m or n is 0, nothing happens. If k
    /// is 0, C is left as it is, or set to 0 where <paramref name="accumulate"/> is false. C is read only where
    /// <paramref name="accumulate"/> is true.
    /// </para>
    /// Source: Goto and van de Geijn, Anatomy of High-Performance Matrix Multiplication, TOMS 34(3), 2008.
    /// </summary>
    /// <param name="workers">The team that shares the work, and whose scratch memory holds packed panels.</param>
    /// <param name="alpha">The factor of the product.</param>
    /// <param name="a">A, (m, k).</param>
    /// <param name="b">B, (k, n).</param>
    /// <param name="c">C, (m, n).</param>
    /// <param name="accumulate">Whether the product is added to C or replaces it.</param>
    /// <exception cref="ShapeException">The operands do not fit together.</exception>
    public static void Multiply<T>(
        Workers workers, T alpha, in Matrix<T> a, in Matrix<T> b, in Matrix<T> c, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (a.Rows != c.Rows || b.Columns != c.Columns || a.Columns != b.Rows)
            throw new ShapeException(
                "matmul", [new(a.Rows, a.Columns), new(b.Rows, b.Columns), new(c.Rows, c.Columns)],
                "(m, k) x (k, n) x (m, n)");
        if (c.IsTransposed)
        {
            Multiply(workers, alpha, b.Transposed(), a.Transposed(), c.Transposed(), accumulate);      // C' = B' A'
            return;
        }

        int k = a.Columns;
        if (c.Rows == 0 || c.Columns == 0)
            return;
        if (k == 0)
        {
            for (int i = 0; i < c.Rows && !accumulate; i++)
                new Span<T>(c.Start + (i * c.RowStep), c.Columns).Clear();
            return;
        }

        var product = new Product<T>(
            c.Rows, c.Columns, k, new Strip<T>(a.Start, a.RowStep, a.ColumnStep),
            new Strip<T>(b.Start, b.ColumnStep, b.RowStep), new Output<T>(c.Start, c.RowStep, alpha, accumulate));
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

    // With few rows of A, as in decoding, the time goes into reading B, so B should be read once in the direction in
    // which it lies. If it lies along k, that is done by dot products, unless k is so short that finishing a sum costs
    // more than the sum itself. If it lies along its columns and A has fewer rows than a tile, it is done by sums of
    // rows of B. Everything else goes tile by tile.
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
