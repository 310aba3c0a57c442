using System.Numerics;
using System.Runtime.CompilerServices;

namespace VaccineRef.Kernels;

/// <summary>
/// C = A B or C += A B for blocks that lie in the nearest cache. B and C are row-major; A may have any steps, so that a
/// transpose costs nothing and nothing is packed. Every element is one chain of fused multiply-adds over p = 0, 1, ...,
/// and does not depend on its neighbours.
/// </summary>
internal static unsafe class BlockProduct
{
    /// <summary>
    /// A is (m, k), with element (i, p) at a[i * rowStep + p * columnStep]; B is (k, n) and C is (m, n). m is at least
    /// 1.
    /// </summary>
    public static void Multiply<T>(
        int m, int n, int k, T* a, nint rowStep, nint columnStep, T* b, nint ldb, T* c, nint ldc, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int whole = n - (n % Vector<T>.Count);
        for (int row = 0; row < m; row += 4)
        {
            // A row beyond the last repeats it and stores the same values once more, so that no remainder is left.
            int row1 = Math.Min(1, m - 1 - row), row2 = Math.Min(2, m - 1 - row), row3 = Math.Min(3, m - 1 - row);
            var x = new Rows<T>(a + (row * rowStep), row1 * rowStep, row2 * rowStep, row3 * rowStep);
            var z = new Rows<T>(c + (row * ldc), row1 * ldc, row2 * ldc, row3 * ldc);

            // Where one vector is left, it is taken twice: second is 0.
            for (int j = 0; j < whole; j += 2 * Vector<T>.Count)
                Tile(
                    k, x, columnStep, b + j, ldb, z.At(j), accumulate,
                    second: Math.Min(Vector<T>.Count, whole - j - Vector<T>.Count));
        }

        if (whole < n)
            LastColumns(whole, m, n, k, a, rowStep, columnStep, b, ldb, c, ldc, accumulate);
    }

    /// <summary>
    /// Computes four rows by two vectors of C, which stay in registers. They are locals, because the JIT may leave a
    /// struct in memory.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile<T>(int k, Rows<T> a, nint step, T* y, nint ldb, Rows<T> c, bool accumulate, nint second)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        T* x = a.Start, z = c.Start;
        nint x1 = a.Second, x2 = a.Third, x3 = a.Fourth, z1 = c.Second, z2 = c.Third, z3 = c.Fourth;
        Vector<T> r00 = default, r01 = default, r10 = default, r11 = default;
        Vector<T> r20 = default, r21 = default, r30 = default, r31 = default;
        if (accumulate)
        {
            (r00, r01) = (Vector.Load(z), Vector.Load(z + second));
            (r10, r11) = (Vector.Load(z + z1), Vector.Load(z + z1 + second));
            (r20, r21) = (Vector.Load(z + z2), Vector.Load(z + z2 + second));
            (r30, r31) = (Vector.Load(z + z3), Vector.Load(z + z3 + second));
        }

        for (int p = 0; p < k; p++, x += step, y += ldb)
        {
            Vector<T> y0 = Vector.Load(y), y1 = Vector.Load(y + second), factor = Vector.Create(*x);
            r00 = VectorMath.MultiplyAdd(factor, y0, r00);
            r01 = VectorMath.MultiplyAdd(factor, y1, r01);
            factor = Vector.Create(x[x1]);
            r10 = VectorMath.MultiplyAdd(factor, y0, r10);
            r11 = VectorMath.MultiplyAdd(factor, y1, r11);
            factor = Vector.Create(x[x2]);
            r20 = VectorMath.MultiplyAdd(factor, y0, r20);
            r21 = VectorMath.MultiplyAdd(factor, y1, r21);
            factor = Vector.Create(x[x3]);
            r30 = VectorMath.MultiplyAdd(factor, y0, r30);
            r31 = VectorMath.MultiplyAdd(factor, y1, r31);
        }

        Vector.Store(r00, z);
        Vector.Store(r01, z + second);
        Vector.Store(r10, z + z1);
        Vector.Store(r11, z + z1 + second);
        Vector.Store(r20, z + z2);
        Vector.Store(r21, z + z2 + second);
        Vector.Store(r30, z + z3);
        Vector.Store(r31, z + z3 + second);
    }

    private static void LastColumns<T>(
        int first, int m, int n, int k, T* a, nint rowStep, nint columnStep, T* b, nint ldb, T* c, nint ldc,
        bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        for (int i = 0; i < m; i++)
            for (int j = first; j < n; j++)
            {
                T sum = accumulate ? c[(i * ldc) + j] : T.Zero;
                for (int p = 0; p < k; p++)
                    sum = T.FusedMultiplyAdd(a[(i * rowStep) + (p * columnStep)], b[(p * ldb) + j], sum);
                c[(i * ldc) + j] = sum;
            }
    }

    /// <summary>Four rows: the address of the first, and how far behind it the others begin.</summary>
    private readonly struct Rows<T>(T* start, nint second, nint third, nint fourth) where T : unmanaged
    {
        public readonly T* Start = start;
        public readonly nint Second = second, Third = third, Fourth = fourth;

        public Rows<T> At(int column) => new(Start + column, Second, Third, Fourth);
    }
}
