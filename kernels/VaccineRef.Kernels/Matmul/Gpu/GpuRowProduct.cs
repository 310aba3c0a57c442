using System.Numerics;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// A product of few rows, such as one token of each prompt by a whole weight. Its time is that of reading B, and a tile
/// of mostly empty rows would not read B any faster. A group owns some columns of four rows of C. Its lanes share k,
/// and neighbouring threads read neighbours in memory, whichever way B lies. A tree adds the sums of the lanes.
/// </summary>
internal static class GpuRowProduct<T, TB>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TB : struct, IGpuElements<T>
{
    /// <summary>The largest number of rows for which this is faster than tiles.</summary>
    public const int MostRows = 8;

    private const int Rows = 4;

    /// <summary>C = alpha op(A) op(B), or C += alpha op(A) op(B).</summary>
    public static void Run(GpuFrame<T> f, GpuProduct x, GpuElements<T> a, TB b, GpuView<T> c, T alpha, bool accumulate)
    {
        int lanes = Math.Min(x.InnerB == 1 ? 32 : 8, f.GroupSize), columns = f.GroupSize / lanes;
        var work = new Work(new((x.N + columns - 1) / columns, (x.M + Rows - 1) / Rows), new(f.GroupSize, 1));
        f.Kernels.Launch(work, Kernel, a, b, new GpuOutput<T>(c, x.M, alpha, accumulate), x, lanes);
    }

    private static void Kernel(GpuElements<T> a, TB b, GpuOutput<T> c, GpuProduct x, int lanes)
    {
        var shared = SharedMemory.Allocate<Quad<T>>(GroupSum.LargestGroup);
        int columns = Group.DimX / lanes, thread = Group.IdxX, row = Grid.IdxY * Rows;
        int lane = x.InnerB == 1 ? thread % lanes : thread / columns;
        int own = x.InnerB == 1 ? thread / lanes : thread % columns, column = (Grid.IdxX * columns) + own;
        var sums = default(Quad<T>);
        if (column < x.N)
            sums = Sum(a, b, x, row, column, lane, lanes);
        int at = (own * lanes) + lane;
        shared[at] = sums;
        Group.Barrier();
        for (int half = lanes / 2; half > 0; half /= 2)
        {
            if (lane < half)
                shared[at] = Quad<T>.MultiplyAdd(T.One, shared[at + half], shared[at]);
            Group.Barrier();
        }

        if (lane > 0)
            return;
        sums = shared[at];
        c.Put(0, row, column, sums.X);
        c.Put(0, row + 1, column, sums.Y);
        c.Put(0, row + 2, column, sums.Z);
        c.Put(0, row + 3, column, sums.W);
    }

    /// <summary>A lane's part of the sums of four rows; rows beyond the last are not read.</summary>
    private static Quad<T> Sum(GpuElements<T> a, TB b, GpuProduct x, int row, int column, int lane, int lanes)
    {
        long first = row * x.OuterA, second = first + x.OuterA, third = second + x.OuterA, fourth = third + x.OuterA;
        int count = x.M - row;
        var sums = default(Quad<T>);
        for (int p = lane; p < x.K; p += lanes)
        {
            long at = p * x.InnerA;
            T y = b.Read((column * x.OuterB) + (p * x.InnerB));
            sums.X += a.Read(first + at) * y;
            if (count > 1)
                sums.Y += a.Read(second + at) * y;
            if (count > 2)
                sums.Z += a.Read(third + at) * y;
            if (count > 3)
                sums.W += a.Read(fourth + at) * y;
        }

        return sums;
    }
}
