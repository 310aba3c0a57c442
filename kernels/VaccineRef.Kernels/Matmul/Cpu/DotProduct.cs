using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Multiplies few rows of A by many columns of B when both lie along k, and reads them once where they lie. Decoding
/// and other thin products need this: packing B would cost more than it saves. The lanes of a vector run over p; a tree
/// over the lanes and the elements that fill no vector finish each sum.
/// </summary>
internal static unsafe class DotProduct<T, V, S>
    where T : unmanaged, IFloatingPointIeee754<T>
    where V : unmanaged
    where S : ISimd<T, V>
{
    private const int WorkPerTask = 1 << 16;

    public static void Run(Workers workers, in Product<T> x)
    {
        if (x.Work < Matmul.WorkWorthAFork)
        {
            new Columns(x, x.N).Run(0);
            return;
        }
        int columns = Math.Max(4, (int)(WorkPerTask / ((long)x.M * x.K)) / 4 * 4);
        workers.Run((x.N + columns - 1) / columns, new Columns(x, columns));
    }

    private readonly struct Columns(Product<T> x, int columns) : ILoopBody
    {
        [SkipLocalsInit]
        public void Run(int index)
        {
            T* sums = stackalloc T[16];
            int end = (int)Math.Min((long)(index + 1) * columns, x.N);
            for (int j = index * columns; j < end; j += 4)
            {
                // At the end, the last row is read again instead of memory beyond the operand.
                T* b0 = Row(x.B, j), b1 = Row(x.B, Math.Min(j + 1, end - 1));
                T* b2 = Row(x.B, Math.Min(j + 2, end - 1)), b3 = Row(x.B, Math.Min(j + 3, end - 1));
                int i = 0, wide = Math.Min(4, end - j);
                for (; i + 4 <= x.M; i += 4)
                {
                    Dots4x4(x.K, Row(x.A, i), x.A.Outer, b0, b1, b2, b3, sums);
                    for (int r = 0; r < 4; r++)
                        Finish(i + r, j, wide, sums + 4 * r);
                }
                for (; i < x.M; i++)
                {
                    Dots1x4(x.K, Row(x.A, i), b0, b1, b2, b3, sums);
                    Finish(i, j, wide, sums);
                }
            }
        }

        private void Finish(int i, int j, int wide, T* sums)
        {
            for (int s = 0; s < wide; s++)
            {
                T sum = sums[s];
                T* a = Row(x.A, i), b = Row(x.B, j + s);
                for (int p = x.K / S.Count * S.Count; p < x.K; p++)
                    sum = T.FusedMultiplyAdd(a[p], b[p], sum);
                x.C.Put<T, SimdScalar<T>>(i, j + s, sum);
            }
        }

        private static T* Row(Strip<T> x, int r) => x.Start + r * x.Outer;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dots1x4(int k, T* a, T* b0, T* b1, T* b2, T* b3, T* sums)
    {
        V s0 = default, s1 = default, s2 = default, s3 = default;
        int whole = k / S.Count * S.Count;
        for (nint p = 0; p < whole; p += S.Count)
        {
            V x = S.Load(a + p);
            s0 = S.FusedMultiplyAdd(x, S.Load(b0 + p), s0);
            s1 = S.FusedMultiplyAdd(x, S.Load(b1 + p), s1);
            s2 = S.FusedMultiplyAdd(x, S.Load(b2 + p), s2);
            s3 = S.FusedMultiplyAdd(x, S.Load(b3 + p), s3);
        }
        Put(sums, s0, s1, s2, s3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Dots4x4(int k, T* a, nint stride, T* b0, T* b1, T* b2, T* b3, T* sums)
    {
        V s00 = default, s01 = default, s02 = default, s03 = default;
        V s10 = default, s11 = default, s12 = default, s13 = default;
        V s20 = default, s21 = default, s22 = default, s23 = default;
        V s30 = default, s31 = default, s32 = default, s33 = default;
        T* a1 = a + stride, a2 = a1 + stride, a3 = a2 + stride;
        int whole = k / S.Count * S.Count;
        for (nint p = 0; p < whole; p += S.Count)
        {
            V x0 = S.Load(a + p), x1 = S.Load(a1 + p), x2 = S.Load(a2 + p), x3 = S.Load(a3 + p), y = S.Load(b0 + p);
            s00 = S.FusedMultiplyAdd(x0, y, s00); s10 = S.FusedMultiplyAdd(x1, y, s10);
            s20 = S.FusedMultiplyAdd(x2, y, s20); s30 = S.FusedMultiplyAdd(x3, y, s30);
            y = S.Load(b1 + p);
            s01 = S.FusedMultiplyAdd(x0, y, s01); s11 = S.FusedMultiplyAdd(x1, y, s11);
            s21 = S.FusedMultiplyAdd(x2, y, s21); s31 = S.FusedMultiplyAdd(x3, y, s31);
            y = S.Load(b2 + p);
            s02 = S.FusedMultiplyAdd(x0, y, s02); s12 = S.FusedMultiplyAdd(x1, y, s12);
            s22 = S.FusedMultiplyAdd(x2, y, s22); s32 = S.FusedMultiplyAdd(x3, y, s32);
            y = S.Load(b3 + p);
            s03 = S.FusedMultiplyAdd(x0, y, s03); s13 = S.FusedMultiplyAdd(x1, y, s13);
            s23 = S.FusedMultiplyAdd(x2, y, s23); s33 = S.FusedMultiplyAdd(x3, y, s33);
        }
        Put(sums, s00, s01, s02, s03);
        Put(sums + 4, s10, s11, s12, s13);
        Put(sums + 8, s20, s21, s22, s23);
        Put(sums + 12, s30, s31, s32, s33);
    }

    private static void Put(T* sums, V s0, V s1, V s2, V s3)
    {
        sums[0] = S.Sum(s0);
        sums[1] = S.Sum(s1);
        sums[2] = S.Sum(s2);
        sums[3] = S.Sum(s3);
    }
}
