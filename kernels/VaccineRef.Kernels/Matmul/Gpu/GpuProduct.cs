using System.Numerics;
using System.Runtime.CompilerServices;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// The extents of one product on a GPU, as its kernels take them: C (M, N), summed over K. Element (r, p) of op(A), and
/// element (p, r) of op(B), lies at r * Outer + p * Inner of its operand, where op(X) is X or its transpose.
/// </summary>
internal readonly struct GpuProduct(int m, int n, int k, bool transposeA, bool transposeB)
{
    public readonly int M = m, N = n, K = k;
    public readonly long OuterA = transposeA ? 1 : k, InnerA = transposeA ? m : 1;
    public readonly long OuterB = transposeB ? k : 1, InnerB = transposeB ? 1 : n;
}

/// <summary>Reads the elements of an operand of a product, as they are or widened.</summary>
internal interface IGpuElements<T> where T : unmanaged
{
    /// <summary>Element <paramref name="i"/>, counted row after row.</summary>
    T Read(long i);
}

/// <summary>Elements as they are.</summary>
internal readonly struct GpuElements<T>(GpuView<T> view) : IGpuElements<T> where T : unmanaged
{
    private readonly GpuView<T> _view = view;

    public T Read(long i) => _view[i];
}

/// <summary>Elements in bfloat16, which are widened while they are read.</summary>
internal readonly struct GpuBFloat16<T>(GpuView<ushort> view) : IGpuElements<T> where T : unmanaged
{
    private readonly GpuView<ushort> _view = view;

    public T Read(long i)
    {
        float single = Interop.IntAsFloat((uint)_view[i] << 16);
        if (Interop.SizeOf<T>() == sizeof(float))
            return Unsafe.As<float, T>(ref single);
        double wide = single;
        return Unsafe.As<double, T>(ref wide);
    }
}

/// <summary>
/// Where a product on a GPU goes and how it is written: into C itself, or, where k is split, into one C for each split,
/// one below the other.
/// </summary>
/// <param name="c">C, or the C of every split.</param>
/// <param name="rows">The number of rows of one C.</param>
/// <param name="alpha">The factor of the sums.</param>
/// <param name="accumulate">Whether the sums are added to C or replace it.</param>
internal readonly struct GpuOutput<T>(GpuView<T> c, int rows, T alpha, bool accumulate)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly GpuView<T> _c = c;
    private readonly int _rows = rows;
    private readonly T _alpha = alpha;

    // Not a bool, because its size differs between C#, PTX and OpenCL C.
    private readonly int _accumulate = accumulate ? 1 : 0;

    /// <summary>The number of rows of the product.</summary>
    public int Rows => _rows;

    /// <summary>The number of columns of the product.</summary>
    public int Columns => _c.Columns;

    /// <summary>Writes one element of the sum of a split, unless it lies beyond the edge of C.</summary>
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
