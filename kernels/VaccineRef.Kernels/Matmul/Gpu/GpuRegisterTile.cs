using System.Numerics;

namespace VaccineRef.Kernels;

/// <summary>8 rows by 8 columns of C in the registers of one thread, two quads to a row.</summary>
internal struct GpuRegisterTile<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public Quad<T> Row0, Row1, Row2, Row3, Row4, Row5, Row6, Row7;
    public Quad<T> Far0, Far1, Far2, Far3, Far4, Far5, Far6, Far7;

    /// <summary>Adds the outer product of a column of 8 elements of A and a row of 8 elements of B.</summary>
    public void Add(Quad<T> a, Quad<T> farA, Quad<T> b, Quad<T> farB)
    {
        Row0 = Quad<T>.MultiplyAdd(a.X, b, Row0);
        Far0 = Quad<T>.MultiplyAdd(a.X, farB, Far0);
        Row1 = Quad<T>.MultiplyAdd(a.Y, b, Row1);
        Far1 = Quad<T>.MultiplyAdd(a.Y, farB, Far1);
        Row2 = Quad<T>.MultiplyAdd(a.Z, b, Row2);
        Far2 = Quad<T>.MultiplyAdd(a.Z, farB, Far2);
        Row3 = Quad<T>.MultiplyAdd(a.W, b, Row3);
        Far3 = Quad<T>.MultiplyAdd(a.W, farB, Far3);
        Row4 = Quad<T>.MultiplyAdd(farA.X, b, Row4);
        Far4 = Quad<T>.MultiplyAdd(farA.X, farB, Far4);
        Row5 = Quad<T>.MultiplyAdd(farA.Y, b, Row5);
        Far5 = Quad<T>.MultiplyAdd(farA.Y, farB, Far5);
        Row6 = Quad<T>.MultiplyAdd(farA.Z, b, Row6);
        Far6 = Quad<T>.MultiplyAdd(farA.Z, farB, Far6);
        Row7 = Quad<T>.MultiplyAdd(farA.W, b, Row7);
        Far7 = Quad<T>.MultiplyAdd(farA.W, farB, Far7);
    }

    /// <summary>
    /// Writes the tile: four rows from <paramref name="row"/> on and four from <paramref name="farRow"/> on, and the
    /// columns in the same way.
    /// </summary>
    public readonly void Put(in GpuOutput<T> c, int split, int row, int farRow, int column, int farColumn)
    {
        Put(c, split, row, column, Row0, Row1, Row2, Row3);
        Put(c, split, row, farColumn, Far0, Far1, Far2, Far3);
        Put(c, split, farRow, column, Row4, Row5, Row6, Row7);
        Put(c, split, farRow, farColumn, Far4, Far5, Far6, Far7);
    }

    private static void Put(
        in GpuOutput<T> c, int split, int row, int column, Quad<T> row0, Quad<T> row1, Quad<T> row2, Quad<T> row3)
    {
        c.Put(split, row, column, row0);
        c.Put(split, row + 1, column, row1);
        c.Put(split, row + 2, column, row2);
        c.Put(split, row + 3, column, row3);
    }
}
