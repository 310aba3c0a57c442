using System.Numerics;
using System.Runtime.CompilerServices;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// Computes a product tile by tile, with operands packed where that pays. Packing and multiplying are one parallel loop
/// each. A task is a square of strips whose two panels fit the second-level cache together. No size depends on the
/// number of threads.
/// </summary>
internal static unsafe class PanelProduct<T, V, S>
    where T : unmanaged, IFloatingPointIeee754<T>
    where V : unmanaged
    where S : ISimd<T, V>
{
    private const int BytesOfStrip = 24 << 10;      // a strip of B, some p at a time, stays in the first-level cache
    private const int StripsPerTask = 8;
    private const int RowChunk = 672 * Tile<T, V, S>.Rows;
    private const int ColumnChunk = 2048;           // a whole number of strips for every vector width
    private const int UsesWorthPacking = 192;       // reads of each element that pay for copying it, as measured
    private const int BytesWorthPacking = 1 << 17;  // a smaller operand stays in the second-level cache anyway

    /// <summary>
    /// How many p are packed and multiplied at a time, so that the packed panels are still in a cache when the tiles
    /// read them.
    /// </summary>
    private static int Depth => BytesOfStrip / (Tile<T, V, S>.Columns * sizeof(T));

    public static void Run(Workers workers, in Product<T> x)
    {
        bool packA = x.A.Outer == 1 && PaysToPack(x.M, x.K, uses: x.N);
        bool packB = x.B.Outer != 1 || PaysToPack(x.N, x.K, uses: x.M);
        int depth = Math.Min(x.K, Depth), columnsOfTile = Tile<T, V, S>.Columns;
        long sizeA = Panel<T>.PackedSize(Math.Min(x.M, RowChunk), depth, Tile<T, V, S>.Rows, packA);
        long sizeB = Panel<T>.PackedSize(Math.Min(x.N, ColumnChunk), depth, columnsOfTile, packB);
        using var scratch = workers.Rent(sizeA + sizeB);
        T* packedB = (T*)((byte*)scratch.Start + sizeA);

        for (int p = 0; p < x.K; p += Depth)
        {
            depth = Math.Min(x.K - p, Depth);
            for (int i = 0; i < x.M; i += RowChunk)
            {
                int rows = Math.Min(x.M - i, RowChunk);
                var a = new Panel<T>(x.A.At(i, p), rows, depth, Tile<T, V, S>.Rows, packA, (T*)scratch.Start);
                for (int j = 0; j < x.N; j += ColumnChunk)
                {
                    int columns = Math.Min(x.N - j, ColumnChunk);
                    var b = new Panel<T>(x.B.At(j, p), columns, depth, columnsOfTile, packB, packedB);
                    int strips = j == 0 ? a.Tasks : 0;
                    Fork(workers, x.Work, strips + b.Tasks, new Packing(a, b, strips));
                    var tiles = new Tiles(a, b, x.C.At(i, j, x.C.Accumulate || p > 0), depth);
                    Fork(workers, x.Work, tiles.Count, tiles);
                }
            }
        }
    }

    private static bool PaysToPack(int rows, int k, int uses) =>
        uses >= UsesWorthPacking && (long)rows * k * sizeof(T) >= BytesWorthPacking;

    private static void Fork<TBody>(Workers workers, long work, int count, in TBody body)
        where TBody : struct, ILoopBody
    {
        if (work >= Matmul.WorkWorthAFork)
            workers.Run(count, body);
        else
            for (int i = 0; i < count; i++)
                body.Run(i);
    }

    private readonly struct Packing(Panel<T> a, Panel<T> b, int stripsOfA) : ILoopBody
    {
        public void Run(int index)
        {
            if (index < stripsOfA)
                a.Pack(index);
            else
                b.Pack(index - stripsOfA);
        }
    }

    private readonly struct Tiles(Panel<T> a, Panel<T> b, Output<T> c, int depth) : ILoopBody
    {
        private readonly int _down = (a.Strips + StripsPerTask - 1) / StripsPerTask;

        public int Count => _down * ((b.Strips + StripsPerTask - 1) / StripsPerTask);

        [SkipLocalsInit]
        public void Run(int index)
        {
            int i0 = index % _down * StripsPerTask, i1 = Math.Min(i0 + StripsPerTask, a.Strips);
            int j0 = index / _down * StripsPerTask, j1 = Math.Min(j0 + StripsPerTask, b.Strips);
            T* edge = stackalloc T[Tile<T, V, S>.Rows * Tile<T, V, S>.Columns];
            for (int j = j0; j < j1; j++)
            {
                for (int i = i0; i < i1; i++)
                    One(i, j, edge);
            }
        }

        private void One(int i, int j, T* edge)
        {
            int stride = Tile<T, V, S>.Columns;
            int rows = a.RowsOf(i), columns = b.RowsOf(j);
            var to = c.At((nint)i * Tile<T, V, S>.Rows, (nint)j * stride, c.Accumulate);
            Strip<T> x = a[i], y = b[j];
            if (rows == Tile<T, V, S>.Rows && columns == stride)
            {
                Tile<T, V, S>.Run(depth, x, y, to);
                return;
            }
            Tile<T, V, S>.Run(depth, x, y, new Output<T>(edge, stride, T.One, false));
            for (int r = 0; r < rows; r++)
            {
                int s = 0;
                for (; s + S.Count <= columns; s += S.Count)
                    to.Put<V, S>(r, s, S.Load(edge + r * stride + s));
                for (; s < columns; s++)
                    to.Put<T, SimdScalar<T>>(r, s, edge[r * stride + s]);
            }
        }
    }
}
