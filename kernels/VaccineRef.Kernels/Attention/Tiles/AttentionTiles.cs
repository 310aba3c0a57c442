using System.Numerics;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>Some rows of one head in a packed matrix, for kernels.</summary>
internal readonly struct HeadRows<T>(GpuView<T> view, int row, int count, int column) where T : unmanaged
{
    public readonly GpuView<T> View = view;
    public readonly int Count = count;

    /// <summary>Where, counted in elements, column <paramref name="c"/> of the head's row <paramref name="r"/> lies.</summary>
    public long At(int r, int c) => ((long)(row + r) * View.Columns) + column + c;
}

/// <summary>
/// What a group of threads holds of attention in shared memory, for kernels: a square of weights of up to Edge queries
/// and Edge keys, held keys by queries; a square to stage operands and results in; and statistics of the queries. A
/// group has twice as many threads along X as along Y, and Edge is eight times its threads along Y, so that each thread
/// computes <see cref="RegisterTile{T}"/> of every product. Columns beyond a multiple of Edge cost nothing but zeros.
/// Rows are one longer than the square, so that neither direction meets the same memory bank over and over.
/// </summary>
internal readonly struct AttentionTiles<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Shared memory of a group: 64 queries in float, 32 in double. Every CUDA device grants as much unasked.</summary>
    public const int SharedBytes = RowsPerThread * LargestY * ((2 * ((RowsPerThread * LargestY) + 1)) + Statistics) * sizeof(float);

    private const int RowsPerThread = RegisterColumn<T>.Rows, Statistics = 3, LargestY = 8;

    public readonly ArrayView<T> Shared;
    public readonly int Edge, Stride;

    /// <summary>The tiles of the running group.</summary>
    public AttentionTiles(ArrayView<T> shared)
    {
        Shared = shared;
        Edge = RowsPerThread * Group.DimY;
        Stride = Edge + 1;
    }

    /// <summary>The thread's number in its group, and how many there are.</summary>
    public static int Thread => (Group.IdxY * Group.DimX) + Group.IdxX;

    /// <summary>How many threads a group has.</summary>
    public static int Threads => Group.DimX * Group.DimY;

    /// <summary>Where the staged square begins; the weights are at 0.</summary>
    public int Staging => Edge * Stride;

    /// <summary>Where statistic <paramref name="number"/> of query 0 lies, followed by the others.</summary>
    public int Statistic(int number) => (2 * Edge * Stride) + (number * Edge);

    /// <summary>Threads along Y for a group of at most so many threads, which has room in shared memory.</summary>
    public static int ThreadsAlongY(int threads)
    {
        int y = LargestY;
        while (y > 1 && (2 * y * y > threads || Elements(y) * Interop.SizeOf<T>() > SharedBytes))
            y /= 2;
        return y;
    }

    private static int Elements(int y) => RowsPerThread * y * ((2 * ((RowsPerThread * y) + 1)) + Statistics);

    /// <summary>to[j, i] = factor x_i y_j for queries x and keys y; zero beyond either's count.</summary>
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
    /// staging[i, c] = the sum over p of weights[i, p] x_p, columns <paramref name="first"/> and on, with the steps of i
    /// and p in the weights as given.
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

    /// <summary>to += the sum over p of weights[i, p] x_p, by the rules of <see cref="Sum"/>.</summary>
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

    /// <summary>Columns of x become rows of shared memory.</summary>
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
