using System.Numerics;
using System.Runtime.CompilerServices;

namespace VaccineRef.Kernels;

/// <summary>
/// C = A B or C += A B for blocks that lie in the nearest cache: B and C row-major, A with any steps, so that A' costs nothing and
/// nothing is packed. Every element is one chain of fused multiply-adds over p = 0, 1, ...: it does not depend on its neighbours.
/// </summary>
internal static unsafe class BlockProduct
{
    /// <summary>A (m, k): element (i, p) at a[i * rowStep + p * columnStep]; B (k, n); C (m, n). m at least 1.</summary>
    public static void Multiply<T>(
        int m, int n, int k, T* a, nint rowStep, nint columnStep, T* b, nint ldb, T* c, nint ldc, bool accumulate)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int whole = n - (n % Vector<T>.Count);
        for (int row = 0; row < m; row += 4)
        {
            // Rows beyond the last repeat it: they compute and store the same values once more, and no remainder is left to write.
            nint row1 = Math.Min(row + 1, m - 1), row2 = Math.Min(row + 2, m - 1), row3 = Math.Min(row + 3, m - 1);
            T* start = a + (row * rowStep), c0 = c + (row * ldc), c1 = c + (row1 * ldc), c2 = c + (row2 * ldc), c3 = c + (row3 * ldc);
            nint a1 = (row1 - row) * rowStep, a2 = (row2 - row) * rowStep, a3 = (row3 - row) * rowStep;
            for (int j = 0; j < whole; j += 2 * Vector<T>.Count)
            {
                int second = Math.Min(Vector<T>.Count, whole - j - Vector<T>.Count);     // 0: the last vector stands alone, twice
                Pair<T> r0 = new(c0 + j, second, accumulate), r1 = new(c1 + j, second, accumulate);
                Pair<T> r2 = new(c2 + j, second, accumulate), r3 = new(c3 + j, second, accumulate);
                T* x = start, y = b + j;
                for (int p = 0; p < k; p++, x += columnStep, y += ldb)
                {
                    Vector<T> y0 = Vector.Load(y), y1 = Vector.Load(y + second);
                    r0.Add(*x, y0, y1);
                    r1.Add(x[a1], y0, y1);
                    r2.Add(x[a2], y0, y1);
                    r3.Add(x[a3], y0, y1);
                }

                r0.Store(c0 + j, second);
                r1.Store(c1 + j, second);
                r2.Store(c2 + j, second);
                r3.Store(c3 + j, second);
            }
        }

        if (whole < n)
            LastColumns(whole, m, n, k, a, rowStep, columnStep, b, ldb, c, ldc, accumulate);
    }

    private static void LastColumns<T>(
        int first, int m, int n, int k, T* a, nint rowStep, nint columnStep, T* b, nint ldb, T* c, nint ldc, bool accumulate)
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

    /// <summary>Two vectors of a row of C, which the JIT keeps in registers.</summary>
    private struct Pair<T> where T : unmanaged, IFloatingPointIeee754<T>
    {
        private Vector<T> _first, _second;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Pair(T* c, int second, bool load)
        {
            _first = load ? Vector.Load(c) : Vector<T>.Zero;
            _second = load ? Vector.Load(c + second) : Vector<T>.Zero;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(T x, Vector<T> y0, Vector<T> y1)
        {
            var broadcast = Vector.Create(x);
            _first = VectorMath.MultiplyAdd(broadcast, y0, _first);
            _second = VectorMath.MultiplyAdd(broadcast, y1, _second);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly void Store(T* c, int second)
        {
            Vector.Store(_first, c);
            Vector.Store(_second, c + second);
        }
    }
}
