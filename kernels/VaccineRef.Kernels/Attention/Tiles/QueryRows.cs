using System.Numerics;
using System.Numerics.Tensors;

namespace VaccineRef.Kernels;

/// <summary>
/// The rows of a head on the query side, from the first row of a block on. Rows lie Stride apart, and the statistics of
/// neighbouring rows lie Heads apart.
/// </summary>
internal readonly unsafe struct QueryRows<T>(T* q, T* y, T* dy, T* dq, T* logSumExp, nint stride, nint heads)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    public readonly T* Q = q, Y = y, Dy = dy, Dq = dq, LogSumExp = logSumExp;
    public readonly nint Stride = stride, Heads = heads;

    /// <summary>
    /// to (size, lanes) = factor x', where x is Q or dY and has <paramref name="count"/> rows. The lanes beyond the
    /// last row repeat it: they are computed and never read.
    /// </summary>
    public void Transpose(T* x, T factor, int count, int lanes, int size, T* to)
    {
        for (int i = 0; i < lanes; i += 4)
        {
            T* x0 = x + (Math.Min(i, count - 1) * Stride), x1 = x + (Math.Min(i + 1, count - 1) * Stride);
            T* x2 = x + (Math.Min(i + 2, count - 1) * Stride), x3 = x + (Math.Min(i + 3, count - 1) * Stride);
            T* row = to + i;
            for (int d = 0; d < size; d++, row += lanes)
            {
                row[0] = x0[d] * factor;
                row[1] = x1[d] * factor;
                row[2] = x2[d] * factor;
                row[3] = x3[d] * factor;
            }
        }
    }

    /// <summary>Multiplies a row of Y, of <paramref name="size"/> columns, by a factor.</summary>
    public void ScaleOutput(int row, int size, T factor)
    {
        var y = new Span<T>(Y + (row * Stride), size);
        TensorPrimitives.Multiply(y, factor, y);
    }
}

/// <summary>The rows of a head on the key side, from position 0 of the sequence on.</summary>
internal readonly unsafe struct KeyRows<T>(T* k, T* v, T* dk, T* dv, nint stride) where T : unmanaged
{
    public readonly T* K = k, V = v, Dk = dk, Dv = dv;
    public readonly nint Stride = stride;
}
