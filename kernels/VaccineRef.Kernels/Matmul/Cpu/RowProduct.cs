using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Computes one or few rows of C as sums of rows of B, which are read where they lie in stretches of 8 vectors. That is
/// long enough for memory to stream them, where a tile of 2 vectors would jump from row to row. Decoding through a
/// weight kept (in, out), as in GPT-2, needs this.
/// </summary>
internal static unsafe class RowProduct<T, V, S>
    where T : unmanaged, IFloatingPointIeee754<T>
    where V : unmanaged
    where S : ISimd<T, V>
{
    private static int Stretch => 8 * S.Count;

    public static void Run(Workers workers, in Product<T> x)
    {
        if (x.Work >= Matmul.WorkWorthAFork)
            workers.Run((x.N + Stretch - 1) / Stretch, new Columns(x, Stretch));
        else
            new Columns(x, x.N).Run(0);
    }

    private readonly struct Columns(Product<T> x, int columns) : ILoopBody
    {
        public void Run(int index)
        {
            int first = index * columns, end = (int)Math.Min((long)first + columns, x.N);
            for (int i = 0; i < x.M; i++)
            {
                int j = first;
                for (; j + Stretch <= end; j += Stretch)
                    Eight(x.K, x.A.At(i, 0), x.B.At(j, 0), x.C.At(i, j, x.C.Accumulate));
                for (; j + S.Count <= end; j += S.Count)
                    One<V, S>(x.K, x.A.At(i, 0), x.B.At(j, 0), x.C.At(i, j, x.C.Accumulate));
                for (; j < end; j++)
                    One<T, SimdScalar<T>>(x.K, x.A.At(i, 0), x.B.At(j, 0), x.C.At(i, j, x.C.Accumulate));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight(int k, Strip<T> a, Strip<T> b, Output<T> c)
    {
        V y0 = default, y1 = default, y2 = default, y3 = default;
        V y4 = default, y5 = default, y6 = default, y7 = default;
        T* s = a.Start, x = b.Start;
        for (int p = 0; p < k; p++, s += a.Inner, x += b.Inner)
        {
            V factor = S.Broadcast(*s);
            y0 = S.FusedMultiplyAdd(factor, S.Load(x), y0);
            y1 = S.FusedMultiplyAdd(factor, S.Load(x + S.Count), y1);
            y2 = S.FusedMultiplyAdd(factor, S.Load(x + 2 * S.Count), y2);
            y3 = S.FusedMultiplyAdd(factor, S.Load(x + 3 * S.Count), y3);
            y4 = S.FusedMultiplyAdd(factor, S.Load(x + 4 * S.Count), y4);
            y5 = S.FusedMultiplyAdd(factor, S.Load(x + 5 * S.Count), y5);
            y6 = S.FusedMultiplyAdd(factor, S.Load(x + 6 * S.Count), y6);
            y7 = S.FusedMultiplyAdd(factor, S.Load(x + 7 * S.Count), y7);
        }
        c.Put<V, S>(0, 0, y0);
        c.Put<V, S>(0, S.Count, y1);
        c.Put<V, S>(0, 2 * S.Count, y2);
        c.Put<V, S>(0, 3 * S.Count, y3);
        c.Put<V, S>(0, 4 * S.Count, y4);
        c.Put<V, S>(0, 5 * S.Count, y5);
        c.Put<V, S>(0, 6 * S.Count, y6);
        c.Put<V, S>(0, 7 * S.Count, y7);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One<W, R>(int k, Strip<T> a, Strip<T> b, Output<T> c) where W : unmanaged where R : ISimd<T, W>
    {
        W y = default;
        T* s = a.Start, x = b.Start;
        for (int p = 0; p < k; p++, s += a.Inner, x += b.Inner)
            y = R.FusedMultiplyAdd(R.Broadcast(*s), R.Load(x), y);
        c.Put<W, R>(0, 0, y);
    }
}
