using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// Computes a product on tensor cores. A group of eight warps owns 128 x 128 elements of C, each warp 64 x 32 of them.
/// Words of A and B pass through shared memory and are rounded on the way; the next ones are on their way to registers
/// while these are multiplied. Where C has few tiles, k is split among groups (<see cref="GpuSplits"/>). What
/// multiplies is a type parameter: tensor cores, or, on a machine that has none, what stands in for them in tests.
/// </summary>
internal static class GpuTensorProduct<TA, TB, TCore>
    where TA : struct, IGpuElements<float>
    where TB : struct, IGpuElements<float>
    where TCore : struct, ITensorCore
{
    private const int WarpsDown = 2, WarpsAcross = 4, Warps = WarpsDown * WarpsAcross;
    private const int WarpRows = 4 * TensorFragment.Rows, WarpColumns = 4 * TensorFragment.Columns;
    private const int Side = WarpsDown * WarpRows, Stride = TensorStage.Stride;      // as many columns as rows
    private const int ShortestSplit = 8;        // the number of stages of k that pays for a second pass over C

    /// <summary>The number of threads of a group.</summary>
    public const int Threads = Warps * TensorFragment.Lanes;

    /// <summary>C = alpha op(A) op(B), or C += alpha op(A) op(B). K must not be 0.</summary>
    public static void Run(GpuFrame<float> f, GpuProduct x, TA a, TB b, GpuView<float> c, float alpha, bool accumulate)
    {
        int depth = TensorStage.Words * default(TCore).PerWord;
        int down = Tiles(x.M), across = Tiles(x.N), steps = (x.K + depth - 1) / depth;
        GpuSplits.Run(f, x, down * across, steps, ShortestSplit, c, alpha, accumulate, (splits, output) =>
            f.Kernels.Launch(
                new Work(new(down, across * splits), new(Threads, 1)), Kernel, a, b, output, x,
                (steps + splits - 1) / splits * depth));
    }

    private static int Tiles(int extent) => (extent + Side - 1) / Side;

    /// <summary>Runs one group for each tile of C and split of k.</summary>
    internal static void Kernel(TA a, TB b, GpuOutput<float> c, GpuProduct x, int depth)
    {
        var core = default(TCore);
        core.Clear();
        var shared = SharedMemory.Allocate<uint>(2 * Side * Stride);
        int across = (x.N + Side - 1) / Side, split = Grid.IdxY / across, perWord = core.PerWord;
        int i0 = Grid.IdxX * Side, j0 = Grid.IdxY % across * Side;
        int start = split * depth, end = Math.Min(x.K, start + depth);

        // A warp loads 16 rows of A and of B, and each lane four words of two of those rows.
        int lane = Group.IdxX % TensorFragment.Lanes, warp = Group.IdxX / TensorFragment.Lanes;
        int row = (16 * warp) + (lane / 4), word = lane % 4, at = (row * Stride) + word, p = start + (word * perWord);
        long a0 = Math.Min(i0 + row, x.M - 1) * x.OuterA, a8 = Math.Min(i0 + row + 8, x.M - 1) * x.OuterA;
        long b0 = Math.Min(j0 + row, x.N - 1) * x.OuterB, b8 = Math.Min(j0 + row + 8, x.N - 1) * x.OuterB;
        var nextA = TensorStage.Read(a, a0, a8, x.InnerA, p, end, perWord);
        var nextB = TensorStage.Read(b, b0, b8, x.InnerB, p, end, perWord);
        int rowOfWarp = warp / WarpsAcross * WarpRows, columnOfWarp = warp % WarpsAcross * WarpColumns;
        for (int first = start; first < end; first += TensorStage.Words * perWord)
        {
            p += TensorStage.Words * perWord;
            Group.Barrier();
            nextA.Put(core, shared, at);
            nextB.Put(core, shared, (Side * Stride) + at);
            Group.Barrier();
            nextA = TensorStage.Read(a, a0, a8, x.InnerA, p, end, perWord);
            nextB = TensorStage.Read(b, b0, b8, x.InnerB, p, end, perWord);
            for (int words = 0; words < TensorStage.Words; words += TensorFragment.Words)
                Multiply(core, shared, lane, (rowOfWarp * Stride) + words, ((Side + columnOfWarp) * Stride) + words);
        }

        Put(core, c, split, lane, i0 + rowOfWarp, j0 + columnOfWarp);
    }

    /// <summary>
    /// Multiplies the warp's rows of A, which begin at <paramref name="a"/>, by its columns of B, eight words deep.
    /// </summary>
    private static void Multiply(TCore core, ArrayView<uint> shared, int lane, int a, int b)
    {
        TensorWords left = FragmentsB(shared, lane, b), right = FragmentsB(shared, lane, b + (16 * Stride));
        core.AddToRow0(FragmentA(shared, lane, a), left, right);
        core.AddToRow1(FragmentA(shared, lane, a + (TensorFragment.Rows * Stride)), left, right);
        core.AddToRow2(FragmentA(shared, lane, a + (2 * TensorFragment.Rows * Stride)), left, right);
        core.AddToRow3(FragmentA(shared, lane, a + (3 * TensorFragment.Rows * Stride)), left, right);
    }

    private static TensorWords FragmentA(ArrayView<uint> shared, int lane, int at) => new()
    {
        X = shared[at + (TensorFragment.RowA(lane, 0) * Stride) + TensorFragment.WordA(lane, 0)],
        Y = shared[at + (TensorFragment.RowA(lane, 1) * Stride) + TensorFragment.WordA(lane, 1)],
        Z = shared[at + (TensorFragment.RowA(lane, 2) * Stride) + TensorFragment.WordA(lane, 2)],
        W = shared[at + (TensorFragment.RowA(lane, 3) * Stride) + TensorFragment.WordA(lane, 3)],
    };

    /// <summary>The fragments of B for two pieces side by side.</summary>
    private static TensorWords FragmentsB(ArrayView<uint> shared, int lane, int at)
    {
        int first = at + (TensorFragment.ColumnB(lane) * Stride), second = first + (TensorFragment.Columns * Stride);
        int low = TensorFragment.WordB(lane, 0), high = TensorFragment.WordB(lane, 1);
        return new()
        {
            X = shared[first + low],
            Y = shared[first + high],
            Z = shared[second + low],
            W = shared[second + high],
        };
    }

    private static void Put(TCore core, in GpuOutput<float> c, int split, int lane, int row, int column)
    {
        for (int i = 0; i < WarpRows / TensorFragment.Rows; i++, row += TensorFragment.Rows)
        {
            var sums = core.Sums(i);
            Put(c, split, lane, row, column, sums.First);
            Put(c, split, lane, row, column + TensorFragment.Columns, sums.Second);
            Put(c, split, lane, row, column + (2 * TensorFragment.Columns), sums.Third);
            Put(c, split, lane, row, column + (3 * TensorFragment.Columns), sums.Fourth);
        }
    }

    private static void Put(in GpuOutput<float> c, int split, int lane, int row, int column, Quad<float> sums)
    {
        c.Put(split, row + TensorFragment.RowC(lane, 0), column + TensorFragment.ColumnC(lane, 0), sums.X);
        c.Put(split, row + TensorFragment.RowC(lane, 1), column + TensorFragment.ColumnC(lane, 1), sums.Y);
        c.Put(split, row + TensorFragment.RowC(lane, 2), column + TensorFragment.ColumnC(lane, 2), sums.Z);
        c.Put(split, row + TensorFragment.RowC(lane, 3), column + TensorFragment.ColumnC(lane, 3), sums.W);
    }
}
