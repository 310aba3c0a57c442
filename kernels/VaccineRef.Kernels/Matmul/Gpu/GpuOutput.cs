using System.Numerics;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// Where a product on a GPU goes and how it is written: into C, or, split by split, into one C below the other.
/// </summary>
/// <param name="c">C, or the C of every split.</param>
/// <param name="rows">Rows of one C.</param>
/// <param name="alpha">Factor of the sums.</param>
/// <param name="accumulate">Whether they are added to C or replace it.</param>
internal readonly struct GpuOutput<T>(GpuView<T> c, int rows, T alpha, bool accumulate)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly GpuView<T> _c = c;
    private readonly int _rows = rows;
    private readonly T _alpha = alpha;

    // Not bool, on whose size no two languages agree.
    private readonly int _accumulate = accumulate ? 1 : 0;

    /// <summary>Rows of the product.</summary>
    public int Rows => _rows;

    /// <summary>Columns of the product.</summary>
    public int Columns => _c.Columns;

    /// <summary>Writes one element of the sum of a split, unless it lies beyond the edge.</summary>
    public void Put(int split, int row, int column, T sum)
    {
        if (row >= _rows || column >= _c.Columns)
            return;
        long at = ((((long)split * _rows) + row) * _c.Columns) + column;
        _c[at] = _accumulate == 0 ? _alpha * sum : (_alpha * sum) + _c[at];
    }

    /// <summary>Writes four neighbours of a row.</summary>
    public void Put(int split, int row, int column, Quad<T> sums)
    {
        Put(split, row, column, sums.X);
        Put(split, row, column + 1, sums.Y);
        Put(split, row, column + 2, sums.Z);
        Put(split, row, column + 3, sums.W);
    }
}
