using System.Numerics;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>Some rows of one head in a packed matrix, for kernels.</summary>
internal readonly struct HeadRows<T>(GpuView<T> view, int row, int count, int column) where T : unmanaged
{
    public readonly GpuView<T> View = view;
    public readonly int Count = count;

    /// <summary>
    /// Where column <paramref name="c"/> of the head's row <paramref name="r"/> lies, counted in elements.
    /// </summary>
    public long At(int r, int c) => ((long)(row + r) * View.Columns) + column + c;
}

/// <summary>
/// What a group of threads keeps of attention in shared memory: a square of weights of up to Edge queries and Edge
/// keys, stored keys by queries; a second square, in which operands and results are staged; and statistics of the
/// queries. A group has twice as many threads along X as along Y, and Edge is eight times its threads along Y, so that
/// each thread computes one <see cref="RegisterTile{T}"/> of every product. Columns beyond a multiple of Edge are
/// filled with zeros. Rows are one element longer than the square, so that reading along either direction does not hit
/// the same memory bank again and again.
/// </summary>
internal readonly struct AttentionTiles<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>
    /// The shared memory of a group in bytes: enough for 64 queries in float or 32 in double. Every CUDA device grants
    /// that much without being asked.
    /// </summary>
    public const int SharedBytes =
        RowsPerThread * LargestY * ((2 * ((RowsPerThread * LargestY) + 1)) + Statistics) * sizeof(float);

    private const int RowsPerThread = RegisterColumn<T>.Rows, Statistics = 3, LargestY = 8;

    public readonly ArrayView<T> Shared;
    public readonly int Edge, Stride;

    /// <summary>The tiles of the group that runs.</summary>
    public AttentionTiles(ArrayView<T> shared)
    {
        Shared = shared;
        Edge = RowsPerThread * Group.DimY;
        Stride = Edge + 1;
    }

    /// <summary>The number of the thread in its group.</summary>
    public static int Thread => (Group.IdxY * Group.DimX) + Group.IdxX;

    /// <summary>The number of threads of the group.</summary>
    public static int Threads => Group.DimX * Group.DimY;

    /// <summary>Where the staged square begins; the weights begin at 0.</summary>
    public int Staging => Edge * Stride;

    /// <summary>Where statistic <paramref name="number"/> of query 0 lies; those of the other queries follow.</summary>
    public int Statistic(int number) => (2 * Edge * Stride) + (number * Edge);

    /// <summary>
    /// The number of threads along Y of a group that has at most so many threads and finds room in shared memory.
    /// </summary>
    public static int ThreadsAlongY(int threads)
    {
        int y = LargestY;
        while (y > 1 && (2 * y * y > threads || Elements(y) * Interop.SizeOf<T>() > SharedBytes))
            y /= 2;
        return y;
    }

    private static int Elements(int y) => RowsPerThread * y * ((2 * ((RowsPerThread * y) + 1)) + Statistics);

    /// <summary>
    /// Computes to[j, i] = factor x_i y_j for queries x and keys y, and 0 beyond the count of either.
    /// </summary>
    public void Dot(HeadRows<T> x, HeadRows<T> y, int headSize, T factor, int to)
    {
        int half = Edge / 2, second = Staging + (half * Stride);
        var tile = default(RegisterTile<T>);
        for (int c = 0; c < headSize; c += half)
        {
            int depth = Math.Min(half, headSize - c);
            Group.Barrier();
            StageColumns(x, c, depth, factor, Staging);
            StageColumns(y, c, depth, T.One, second);
            Group.Barrier();
            tile = Multiply(tile, Staging, 1, Stride, second, depth);
        }

        Group.Barrier();
        Write(tile, to, 1, Stride);
        Group.Barrier();
    }

    /// <summary>
    /// Computes staging[i, c] = the sum over p of weights[i, p] x_p, for the columns from <paramref name="first"/> on.
    /// The steps say how far apart neighbours along i and along p lie in the weights.
    /// </summary>
    public void Sum(int rowStep, int depthStep, HeadRows<T> x, int first, int width)
    {
        Group.Barrier();
        for (int p = Group.IdxY; p < x.Count; p += Group.DimY)
            for (int c = Group.IdxX; c < Edge; c += Group.DimX)
                Shared[Staging + (p * Stride) + c] = c < width ? x.View[x.At(p, first + c)] : T.Zero;
        Group.Barrier();
        var tile = Multiply(default, 0, rowStep, depthStep, Staging, x.Count);
        Group.Barrier();
        Write(tile, Staging, Stride, 1);
        Group.Barrier();
    }

    /// <summary>
    /// Adds the sum over p of weights[i, p] x_p to <paramref name="to"/>, as <see cref="Sum"/> forms it.
    /// </summary>
    public void AddSum(int rowStep, int depthStep, HeadRows<T> x, HeadRows<T> to, int headSize)
    {
        for (int first = 0; first < headSize; first += Edge)
        {
            int width = Math.Min(Edge, headSize - first);
            Sum(rowStep, depthStep, x, first, width);
            for (int i = Group.IdxY; i < to.Count; i += Group.DimY)
                for (int c = Group.IdxX; c < width; c += Group.DimX)
                    to.View[to.At(i, first + c)] += Shared[Staging + (i * Stride) + c];
        }
    }

    /// <summary>Copies columns of x to rows of shared memory.</summary>
    private void StageColumns(HeadRows<T> x, int first, int width, T factor, int to)
    {
        for (int i = Group.IdxY; i < Edge; i += Group.DimY)
            for (int c = Group.IdxX; c < width; c += Group.DimX)
                Shared[to + (c * Stride) + i] = i < x.Count ? x.View[x.At(i, first + c)] * factor : T.Zero;
    }

    private RegisterTile<T> Multiply(RegisterTile<T> tile, int a, int rowStep, int depthStep, int b, int depth)
    {
        a += RowsPerThread * Group.IdxY * rowStep;
        b += Group.IdxX;
        for (int p = 0; p < depth; p++, a += depthStep, b += Stride)
            tile = tile.Plus(
                RegisterColumn<T>.Read(Shared, a, rowStep), Shared[b], Shared[b + Group.DimX],
                Shared[b + (2 * Group.DimX)], Shared[b + (3 * Group.DimX)]);
        return tile;
    }

    private void Write(RegisterTile<T> tile, int to, int rowStep, int columnStep)
    {
        to += (RowsPerThread * Group.IdxY * rowStep) + (Group.IdxX * columnStep);
        columnStep *= Group.DimX;
        tile.First.Write(Shared, to, rowStep);
        tile.Second.Write(Shared, to + columnStep, rowStep);
        tile.Third.Write(Shared, to + (2 * columnStep), rowStep);
        tile.Fourth.Write(Shared, to + (3 * columnStep), rowStep);
    }
}
