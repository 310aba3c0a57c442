using System.Numerics;
using System.Runtime.CompilerServices;

namespace VaccineRef.Kernels;

/// <summary>
/// The microkernel: 6 rows by 2 vectors of C stay in registers while p runs, and each element is one chain of fused
/// multiply-adds. The 12 sums, 2 vectors of B and 1 broadcast element of A fit 16 vector registers, and the 6 row
/// pointers fit the other registers, so that A may lie in any direction. With 32 vector registers a tile of 14 x 2 is
/// possible. It needs A packed, and it measured no faster: 6 x 2 already has 12 chains to hide a latency of 4, and 8
/// loads to 12 multiply-adds.
/// </summary>
internal static unsafe class Tile<T, V, S>
    where T : unmanaged, IFloatingPointIeee754<T>
    where V : unmanaged
    where S : ISimd<T, V>
{
    public const int Rows = 6;
    public static int Columns => 2 * S.Count;

    /// <summary>
    /// Computes C = alpha a b, or C += alpha a b, for one tile over p in [0, k). The columns of b must lie side by
    /// side: Outer = 1.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(int k, Strip<T> a, Strip<T> b, Output<T> c)
    {
        V x0 = default, y0 = default;
        V x1 = default, y1 = default;
        V x2 = default, y2 = default;
        V x3 = default, y3 = default;
        V x4 = default, y4 = default;
        V x5 = default, y5 = default;
        nint outer = a.Outer, inner = a.Inner, step = b.Inner;
        T* p0 = a.Start, q = b.Start;
        T* p1 = p0 + outer;
        T* p2 = p1 + outer;
        T* p3 = p2 + outer;
        T* p4 = p3 + outer;
        T* p5 = p4 + outer;
        for (nint p = 0, end = k * inner; p < end; p += inner, q += step)
        {
            V s, x = S.Load(q), y = S.Load(q + S.Count);
            s = S.Broadcast(p0[p]); x0 = S.FusedMultiplyAdd(s, x, x0); y0 = S.FusedMultiplyAdd(s, y, y0);
            s = S.Broadcast(p1[p]); x1 = S.FusedMultiplyAdd(s, x, x1); y1 = S.FusedMultiplyAdd(s, y, y1);
            s = S.Broadcast(p2[p]); x2 = S.FusedMultiplyAdd(s, x, x2); y2 = S.FusedMultiplyAdd(s, y, y2);
            s = S.Broadcast(p3[p]); x3 = S.FusedMultiplyAdd(s, x, x3); y3 = S.FusedMultiplyAdd(s, y, y3);
            s = S.Broadcast(p4[p]); x4 = S.FusedMultiplyAdd(s, x, x4); y4 = S.FusedMultiplyAdd(s, y, y4);
            s = S.Broadcast(p5[p]); x5 = S.FusedMultiplyAdd(s, x, x5); y5 = S.FusedMultiplyAdd(s, y, y5);
        }

        c.Put2<V, S>(0, x0, y0);
        c.Put2<V, S>(1, x1, y1);
        c.Put2<V, S>(2, x2, y2);
        c.Put2<V, S>(3, x3, y3);
        c.Put2<V, S>(4, x4, y4);
        c.Put2<V, S>(5, x5, y5);
    }
}
