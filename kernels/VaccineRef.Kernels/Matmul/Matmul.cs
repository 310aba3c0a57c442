using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>C = alpha op(A) op(B), or C += it: the matrix product, as loops.</summary>
public static unsafe class Matmul
{
    /// <summary>C (m, n) = alpha op(A) (m, k) op(B) (k, n), added to C where <paramref name="accumulate"/>.</summary>
    public static void Multiply<T>(
        Workers workers, int m, int n, int k, T alpha, T* a, int lda, bool transposeA, T* b, int ldb, bool transposeB,
        T* c, int ldc, bool accumulate) where T : unmanaged, IFloatingPointIeee754<T> =>
        workers.For(m, i =>
        {
            for (int j = 0; j < n; j++)
            {
                T sum = T.Zero;
                for (int l = 0; l < k; l++)
                    sum += (transposeA ? a[((long)l * lda) + i] : a[((long)i * lda) + l])
                        * (transposeB ? b[((long)j * ldb) + l] : b[((long)l * ldb) + j]);
                T* target = c + ((long)i * ldc) + j;
                *target = accumulate ? *target + (alpha * sum) : alpha * sum;
            }
        });
}
