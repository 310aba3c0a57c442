using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class CausalAttention<T> : IGpuOp<T>
{
    // The statistics of queries in shared memory: forward keeps the first three, backward the last two.
    private const int Largest = 0, Total = 1, Factor = 2, LogSumExp = 0, Delta = 1;

    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) =>
        Attend(f, f.X(1), f.X(2), f.Saved, f.Ids, default);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        for (int i = 0; i < 3; i++)
            f.ClearFirst(i);
        var sizes = new AttentionSizes<T>(this);
        var delta = f.Scratch<T>(f.Y.Rows, Heads);
        f.Kernels.Launch(f.ForEach(delta.Count), DeltaKernel, f.Y, f.Dy, delta, HeadSize);
        if (f.Wants(0))
            f.Kernels.Launch(
                Blocks(f, Heads), BackwardQueryKernel, f.X(0), f.X(1), f.X(2), f.Dy, f.Saved, delta, f.Dx(0), f.Ids,
                sizes);
        if (f.Wants(1) || f.Wants(2))
            f.Kernels.Launch(
                Blocks(f, KeyValueHeads), BackwardKeyKernel, f.X(0), f.X(1), f.X(2), f.Dy, f.Saved, delta, f.Dx(1),
                f.Dx(2), f.Ids, sizes);
    }

    /// <summary>
    /// Computes the forward pass for keys and values that may lie in other memory than the queries and may go further
    /// back, as on the processor. Position 0 of sequence s lies at row starts[s] of <paramref name="k"/> and
    /// <paramref name="v"/>, and its first query is at position past[s], or at position 0 if <paramref name="past"/> is
    /// empty.
    /// </summary>
    internal void Attend(
        GpuFrame<T> f, GpuView<T> k, GpuView<T> v, GpuView<T> saved, GpuView<int> starts, GpuView<int> past) =>
        f.Kernels.Launch(
            Blocks(f, Heads), ForwardKernel, f.X(0), k, v, f.Y, saved, f.Ids, starts, past,
            new AttentionSizes<T>(this));

    /// <summary>
    /// Makes a group of threads for each head and each block of rows of a sequence, in the order of
    /// <see cref="Find(int, GpuView{int}, int)"/>.
    /// </summary>
    private static Work Blocks(GpuFrame<T> f, int heads)
    {
        int y = AttentionTiles<T>.ThreadsAlongY(f.GroupSize);
        int edge = RegisterColumn<T>.Rows * y, rows = f.X(0).Rows;
        int slots = rows == 0 ? 0 : (rows / edge) + f.HostIds.Length - 1;
        return new(new(slots, heads), new(2 * y, y));
    }

    /// <summary>
    /// Finds the sequence of a slot: sequence s has its blocks in the slots from offsets[s] / edge + s on.
    /// </summary>
    private static int Find(int slot, GpuView<int> offsets, int edge)
    {
        int low = 0, high = offsets.Columns - 1;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if ((offsets[middle] / edge) + middle <= slot)
                low = middle;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>Runs one group for each head and block of queries; the longest blocks come first.</summary>
    private static void ForwardKernel(
        GpuView<T> q, GpuView<T> k, GpuView<T> v, GpuView<T> y, GpuView<T> saved, GpuView<int> offsets,
        GpuView<int> starts, GpuView<int> past, AttentionSizes<T> sizes)
    {
        var shared = SharedMemory.Allocate<T>(AttentionTiles<T>.SharedBytes / Interop.SizeOf<T>());
        var tiles = new AttentionTiles<T>(shared);
        int edge = tiles.Edge, slot = Grid.DimX - 1 - Grid.IdxX, head = Grid.IdxY;
        int sequence = Find(slot, offsets, edge);
        int skip = (slot - (offsets[sequence] / edge) - sequence) * edge, row = offsets[sequence] + skip;
        int count = Math.Min(edge, offsets[sequence + 1] - row);
        if (count <= 0)
            return;

        for (int i = AttentionTiles<T>.Thread; i < edge; i += AttentionTiles<T>.Threads)
        {
            tiles.Shared[tiles.Statistic(Largest) + i] = sizes.Lowest;
            tiles.Shared[tiles.Statistic(Total) + i] = T.Zero;
        }

        int first = skip + (past.Columns > 0 ? past[sequence] : 0), end = first + count;
        int column = head / sizes.Group * sizes.HeadSize, from = sizes.FirstSeen(first, 0) / edge * edge;
        var queries = new HeadRows<T>(q, row, count, head * sizes.HeadSize);
        var output = new HeadRows<T>(y, row, count, head * sizes.HeadSize);
        for (int position = from; position < end; position += edge)
        {
            int keyRow = starts[sequence] + position, keys = Math.Min(edge, end - position);
            tiles.Dot(queries, new HeadRows<T>(k, keyRow, keys, column), sizes.HeadSize, sizes.Scale, 0);
            UpdateSoftmax(tiles, sizes, first, position, keys);
            AddValues(
                tiles, new HeadRows<T>(v, keyRow, keys, column), output, sizes.HeadSize, position > from,
                position + edge >= end);
        }

        if (saved.Rows > 0)
            for (int i = AttentionTiles<T>.Thread; i < count; i += AttentionTiles<T>.Threads)
                saved[row + i, head] =
                    tiles.Shared[tiles.Statistic(Largest) + i] + T.Log(tiles.Shared[tiles.Statistic(Total) + i]);
    }

    /// <summary>
    /// Takes new scores into the statistics of the queries: factor = exp(old largest - largest), and weights =
    /// exp(scores - largest).
    /// </summary>
    private static void UpdateSoftmax(
        AttentionTiles<T> tiles, AttentionSizes<T> sizes, int first, int position, int keys)
    {
        var shared = tiles.Shared;
        int largest = tiles.Statistic(Largest), total = tiles.Statistic(Total), factor = tiles.Statistic(Factor);
        for (int i = AttentionTiles<T>.Thread; i < tiles.Edge; i += AttentionTiles<T>.Threads)
        {
            T before = shared[largest + i], now = before;
            int end = Math.Min(keys, first + i - position + 1);
            for (int j = sizes.FirstSeen(first + i, position); j < end; j++)
                now = shared[(j * tiles.Stride) + i] > now ? shared[(j * tiles.Stride) + i] : now;
            shared[largest + i] = now;
            shared[factor + i] = sizes.Exp(before - now);
        }

        Group.Barrier();
        Exponentiate(tiles, sizes, first, position, largest);
        Group.Barrier();
        for (int i = AttentionTiles<T>.Thread; i < tiles.Edge; i += AttentionTiles<T>.Threads)
        {
            T sum = T.Zero;
            int end = Math.Min(keys, first + i - position + 1);
            for (int j = sizes.FirstSeen(first + i, position); j < end; j++)
                sum += shared[(j * tiles.Stride) + i];
            shared[total + i] = (shared[total + i] * shared[factor + i]) + sum;
        }
    }

    /// <summary>Computes weights = exp(scores - statistic), and 0 where a query does not see a key.</summary>
    private static void Exponentiate(
        AttentionTiles<T> tiles, AttentionSizes<T> sizes, int first, int position, int statistic)
    {
        for (int j = Group.IdxY; j < tiles.Edge; j += Group.DimY)
            for (int i = Group.IdxX; i < tiles.Edge; i += Group.DimX)
            {
                int at = (j * tiles.Stride) + i;
                tiles.Shared[at] = sizes.Sees(first + i, position + j)
                    ? sizes.Exp(tiles.Shared[at] - tiles.Shared[statistic + i])
                    : T.Zero;
            }
    }

    /// <summary>Computes y = factor y + weights v, and divides by the total after the last block of keys.</summary>
    private static void AddValues(
        AttentionTiles<T> tiles, HeadRows<T> v, HeadRows<T> y, int headSize, bool started, bool last)
    {
        for (int start = 0; start < headSize; start += tiles.Edge)
        {
            int width = Math.Min(tiles.Edge, headSize - start);
            tiles.Sum(1, tiles.Stride, v, start, width);
            for (int i = Group.IdxY; i < y.Count; i += Group.DimY)
                for (int c = Group.IdxX; c < width; c += Group.DimX)
                {
                    long at = y.At(i, start + c);
                    T value = tiles.Shared[tiles.Staging + (i * tiles.Stride) + c];
                    if (started)
                        value += y.View[at] * tiles.Shared[tiles.Statistic(Factor) + i];
                    y.View[at] = last ? value / tiles.Shared[tiles.Statistic(Total) + i] : value;
                }
        }
    }

    /// <summary>Runs one thread for each row and head, which sums dy y over the columns of the head.</summary>
    private static void DeltaKernel(GpuView<T> y, GpuView<T> dy, GpuView<T> delta, int headSize)
    {
        long i = GpuIndex.Thread;
        if (i >= delta.Count)
            return;
        T sum = T.Zero;
        for (int c = 0; c < headSize; c++)
            sum += dy[(i * headSize) + c] * y[(i * headSize) + c];
        delta[i] = sum;
    }

    /// <summary>
    /// Runs one group for each head and block of queries: dQ += dS K, where dS = scale P (dY V' - delta).
    /// </summary>
    private static void BackwardQueryKernel(
        GpuView<T> q, GpuView<T> k, GpuView<T> v, GpuView<T> dy, GpuView<T> saved, GpuView<T> delta, GpuView<T> dq,
        GpuView<int> offsets, AttentionSizes<T> sizes)
    {
        var shared = SharedMemory.Allocate<T>(AttentionTiles<T>.SharedBytes / Interop.SizeOf<T>());
        var tiles = new AttentionTiles<T>(shared);
        int edge = tiles.Edge, slot = Grid.DimX - 1 - Grid.IdxX, head = Grid.IdxY;
        int sequence = Find(slot, offsets, edge), start = offsets[sequence];
        int first = (slot - (start / edge) - sequence) * edge, row = start + first;
        int count = Math.Min(edge, offsets[sequence + 1] - row);
        if (count <= 0)
            return;

        int own = head * sizes.HeadSize, column = head / sizes.Group * sizes.HeadSize;
        HeadRows<T> queries = new(q, row, count, own), outer = new(dy, row, count, own), to = new(dq, row, count, own);
        LoadStatistics(tiles, saved, delta, row, count, head);
        for (int position = sizes.FirstSeen(first, 0) / edge * edge; position < first + count; position += edge)
        {
            int keys = Math.Min(edge, first + count - position);
            var near = new HeadRows<T>(k, start + position, keys, column);
            tiles.Dot(queries, near, sizes.HeadSize, sizes.Scale, 0);
            Exponentiate(tiles, sizes, first, position, tiles.Statistic(LogSumExp));
            Differentiate(tiles, sizes, outer, new HeadRows<T>(v, start + position, keys, column));
            tiles.AddSum(1, tiles.Stride, near, to, sizes.HeadSize);
        }
    }

    /// <summary>
    /// Runs one group for each key-value head and block of keys: dV += P' dY and dK += dS' Q. No other group adds to
    /// that block, and the group adds in the order of the query heads and of their blocks.
    /// </summary>
    private static void BackwardKeyKernel(
        GpuView<T> q, GpuView<T> k, GpuView<T> v, GpuView<T> dy, GpuView<T> saved, GpuView<T> delta, GpuView<T> dk,
        GpuView<T> dv, GpuView<int> offsets, AttentionSizes<T> sizes)
    {
        var shared = SharedMemory.Allocate<T>(AttentionTiles<T>.SharedBytes / Interop.SizeOf<T>());
        var tiles = new AttentionTiles<T>(shared);
        int edge = tiles.Edge, slot = Grid.IdxX, column = Grid.IdxY * sizes.HeadSize;
        int sequence = Find(slot, offsets, edge), start = offsets[sequence], length = offsets[sequence + 1] - start;
        int position = (slot - (start / edge) - sequence) * edge, row = start + position;
        int keys = Math.Min(edge, length - position);
        if (keys <= 0)
            return;

        // The last key of the block is seen by its own query and those of the window behind it.
        int end = length - position - keys < sizes.Window ? length : position + keys - 1 + sizes.Window;
        HeadRows<T> near = new(k, row, keys, column), values = new(v, row, keys, column);
        for (int head = Grid.IdxY * sizes.Group; head < (Grid.IdxY + 1) * sizes.Group; head++)
            for (int first = position; first < end; first += edge)
            {
                int count = Math.Min(edge, length - first), own = head * sizes.HeadSize;
                HeadRows<T> queries = new(q, start + first, count, own), outer = new(dy, start + first, count, own);
                LoadStatistics(tiles, saved, delta, start + first, count, head);
                tiles.Dot(queries, near, sizes.HeadSize, sizes.Scale, 0);
                Exponentiate(tiles, sizes, first, position, tiles.Statistic(LogSumExp));
                if (dv.Rows > 0)
                    tiles.AddSum(tiles.Stride, 1, outer, new HeadRows<T>(dv, row, keys, column), sizes.HeadSize);
                if (dk.Rows == 0)
                    continue;
                Differentiate(tiles, sizes, outer, values);
                tiles.AddSum(tiles.Stride, 1, queries, new HeadRows<T>(dk, row, keys, column), sizes.HeadSize);
            }
    }

    /// <summary>Loads the log-sum-exp and delta of the queries, and 0 beyond the last query.</summary>
    private static void LoadStatistics(
        AttentionTiles<T> tiles, GpuView<T> saved, GpuView<T> delta, int row, int count, int head)
    {
        for (int i = AttentionTiles<T>.Thread; i < tiles.Edge; i += AttentionTiles<T>.Threads)
        {
            tiles.Shared[tiles.Statistic(LogSumExp) + i] = i < count ? saved[row + i, head] : T.Zero;
            tiles.Shared[tiles.Statistic(Delta) + i] = i < count ? delta[row + i, head] : T.Zero;
        }
    }

    /// <summary>
    /// Computes weights = scale weights (dY V' - delta). A thread reads only weights that it wrote itself.
    /// </summary>
    private static void Differentiate(AttentionTiles<T> tiles, AttentionSizes<T> sizes, HeadRows<T> dy, HeadRows<T> v)
    {
        tiles.Dot(dy, v, sizes.HeadSize, T.One, tiles.Staging);
        for (int j = Group.IdxY; j < tiles.Edge; j += Group.DimY)
            for (int i = Group.IdxX; i < tiles.Edge; i += Group.DimX)
            {
                int at = (j * tiles.Stride) + i;
                T slope = tiles.Shared[tiles.Staging + at] - tiles.Shared[tiles.Statistic(Delta) + i];
                tiles.Shared[at] = sizes.Scale * tiles.Shared[at] * slope;
            }
    }
}
