using System.Numerics;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// Computes a product tile by tile. A group of side x side threads owns a square of 8 side x 8 side elements of C, of
/// which each thread keeps 8 x 8 in registers. Tiles of A and B that are side deep pass through shared memory; the next
/// ones are on their way to registers while these are multiplied. Where C has few tiles, k is split among groups
/// (<see cref="GpuSplits"/>). Source: V. Volkov and J. Demmel, Benchmarking GPUs to Tune Dense Linear Algebra, SC 2008.
/// </summary>
internal static class GpuTileProduct<T, TB>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TB : struct, IGpuElements<T>
{
    private const int PerThread = 8;            // rows, and also columns, of a thread
    private const int LargeSide = 16;           // 128 x 128 elements; doubles would fill the shared memory
    private const int Pad = 4;                  // spreads a row of A over the banks and keeps quads aligned
    private const int SharedBytes = 2 * LargeSide * ((PerThread * LargeSide) + Pad) * sizeof(float);
    private const int ShortestSplit = 16;       // the number of tiles of k that pays for a second pass over C

    /// <summary>C = alpha op(A) op(B), or C += alpha op(A) op(B).</summary>
    public static void Run(GpuFrame<T> f, GpuProduct x, GpuElements<T> a, TB b, GpuView<T> c, T alpha, bool accumulate)
    {
        int side = Side(f, x), down = Tiles(x.M, side), across = Tiles(x.N, side), steps = (x.K + side - 1) / side;
        GpuSplits.Run(f, x, down * across, steps, ShortestSplit, c, alpha, accumulate, (splits, output) =>
            f.Kernels.Launch(
                new Work(new(down, across * splits), new(side * side, 1)), Kernel, a, b, output, x, side,
                (steps + splits - 1) / splits * side));
    }

    private static int Side(GpuFrame<T> f, GpuProduct x)
    {
        bool large = (long)Tiles(x.M, LargeSide) * Tiles(x.N, LargeSide) * 2 >= GpuSplits.EnoughGroups;
        int side = large && Interop.SizeOf<T>() == sizeof(float) ? LargeSide : LargeSide / 2;
        while (side * side > f.GroupSize)
            side /= 2;
        return side;
    }

    private static int Tiles(int extent, int side) => (extent + (PerThread * side) - 1) / (PerThread * side);

    private static void Kernel(GpuElements<T> a, TB b, GpuOutput<T> c, GpuProduct x, int side, int depth)
    {
        var quads = SharedMemory.Allocate<Quad<T>>(SharedBytes / Interop.SizeOf<Quad<T>>());
        var shared = quads.Cast<T>();
        int size = PerThread * side, stride = size + Pad, middle = side * stride;
        int across = (x.N + size - 1) / size, split = Grid.IdxY / across;
        int i0 = Grid.IdxX * size, j0 = Grid.IdxY % across * size;
        int start = split * depth, end = Math.Min(x.K, start + depth);

        // Neighbours in memory are read by neighbouring threads, whichever way the operand lies.
        int u = Group.IdxX % side, v = Group.IdxX / side;
        int rowA = x.InnerA == 1 ? v : u, pA = x.InnerA == 1 ? u : v;
        int rowB = x.InnerB == 1 ? v : u, pB = x.InnerB == 1 ? u : v;
        var nextA = Stage<T>.Read(a, x.OuterA, x.InnerA, i0 + rowA, side, x.M - 1, start + pA, end);
        var nextB = Stage<T>.Read(b, x.OuterB, x.InnerB, j0 + rowB, side, x.N - 1, start + pB, end);
        var tile = new GpuRegisterTile<T>();
        for (int p = start; p < end; p += side)
        {
            Group.Barrier();
            nextA.Put(shared, (pA * stride) + rowA, side);
            nextB.Put(shared, middle + (pB * stride) + rowB, side);
            Group.Barrier();
            nextA = Stage<T>.Read(a, x.OuterA, x.InnerA, i0 + rowA, side, x.M - 1, p + side + pA, end);
            nextB = Stage<T>.Read(b, x.OuterB, x.InnerB, j0 + rowB, side, x.N - 1, p + side + pB, end);
            Multiply(quads, ref tile, side, v, (middle / 4) + u);
        }

        tile.Put(c, split, i0 + (4 * v), i0 + (4 * (side + v)), j0 + (4 * u), j0 + (4 * (side + u)));
    }

    /// <summary>
    /// Multiplies the tiles in shared memory, where <paramref name="a"/> and <paramref name="b"/> are the first quads
    /// of the thread. It takes two steps at a time, so that the reads of the second overlap the sums of the first; a
    /// side is even.
    /// </summary>
    private static void Multiply(ArrayView<Quad<T>> shared, ref GpuRegisterTile<T> tile, int side, int a, int b)
    {
        int stride = ((PerThread * side) + Pad) / 4;
        for (int p = 0; p < side; p += 2, a += 2 * stride, b += 2 * stride)
        {
            int nextA = a + stride, nextB = b + stride;
            tile.Add(shared[a], shared[a + side], shared[b], shared[b + side]);
            tile.Add(shared[nextA], shared[nextA + side], shared[nextB], shared[nextB + side]);
        }
    }
}
