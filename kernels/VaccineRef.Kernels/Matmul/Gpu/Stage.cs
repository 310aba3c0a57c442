using System.Numerics;
using ILGPU;

namespace VaccineRef.Kernels;

/// <summary>
/// Eight elements of an operand, a constant number of rows apart, on their way through the registers of one thread.
/// </summary>
internal struct Stage<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private Quad<T> _low, _high;

    /// <summary>
    /// Reads the elements (row + i step, p) for i from 0 to 7, or zeros if p is not below <paramref name="end"/>. A row
    /// beyond the last is read as the last: what becomes of it is never written.
    /// </summary>
    public static Stage<T> Read<TS>(TS from, long outer, long inner, int row, int step, int last, int p, int end)
        where TS : struct, IGpuElements<T>
    {
        var x = new Stage<T>();
        if (p < end)
        {
            long column = p * inner;
            x._low.X = from.Read(column + (Math.Min(row, last) * outer));
            x._low.Y = from.Read(column + (Math.Min(row + step, last) * outer));
            x._low.Z = from.Read(column + (Math.Min(row + (2 * step), last) * outer));
            x._low.W = from.Read(column + (Math.Min(row + (3 * step), last) * outer));
            x._high.X = from.Read(column + (Math.Min(row + (4 * step), last) * outer));
            x._high.Y = from.Read(column + (Math.Min(row + (5 * step), last) * outer));
            x._high.Z = from.Read(column + (Math.Min(row + (6 * step), last) * outer));
            x._high.W = from.Read(column + (Math.Min(row + (7 * step), last) * outer));
        }

        return x;
    }

    /// <summary>Writes the elements from <paramref name="at"/> on, <paramref name="step"/> apart.</summary>
    public readonly void Put(ArrayView<T> shared, int at, int step)
    {
        shared[at] = _low.X;
        shared[at + step] = _low.Y;
        shared[at + (2 * step)] = _low.Z;
        shared[at + (3 * step)] = _low.W;
        shared[at + (4 * step)] = _high.X;
        shared[at + (5 * step)] = _high.Y;
        shared[at + (6 * step)] = _high.Z;
        shared[at + (7 * step)] = _high.W;
    }
}
