using System.Numerics;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>The term of a row in a sum over rows, for kernels.</summary>
internal interface IGpuTerm<T> where T : unmanaged
{
    /// <summary>The term of a row in a column.</summary>
    T At(int row, int column);
}

/// <summary>The elements of a matrix as the terms, which gives the gradient of a bias.</summary>
internal readonly struct GpuRowTerm<T>(GpuView<T> x) : IGpuTerm<T> where T : unmanaged
{
    private readonly GpuView<T> _x = x;

    public T At(int row, int column) => _x[row, column];
}

/// <summary>
/// target += sum over rows of term(row) on a GPU: the gradient of every bias and of the weight of every norm. A group
/// owns some neighbouring columns of a chunk of rows, and each of its lanes adds every 8th row. The lanes, and then the
/// chunks, are added in their order. A chunk has a constant number of rows, so that the bits depend on the number of
/// rows alone, and the error grows with the number of chunks and not with N.
/// </summary>
internal static class GpuColumnSums<T, TTerm>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TTerm : struct, IGpuTerm<T>
{
    private const int Lanes = 8, ChunkRows = 64;

    /// <summary>Adds the terms of rows 0 to <paramref name="rows"/> - 1 to <paramref name="target"/>, (1, C).</summary>
    public static void Add(GpuFrame<T> f, TTerm term, int rows, GpuView<T> target)
    {
        if (rows == 0)
            return;
        int columns = Math.Max(1, f.GroupSize / Lanes), chunks = (rows + ChunkRows - 1) / ChunkRows;
        var sums = f.Scratch<T>(chunks, target.Columns);
        var work = new Work(new((target.Columns + columns - 1) / columns, chunks), new(columns * Lanes, 1));
        f.Kernels.Launch(work, ChunkKernel, term, rows, sums);
        f.Kernels.Launch(f.ForEach(target.Columns), SumKernel, sums, target);
    }

    private static void ChunkKernel(TTerm term, int rows, GpuView<T> sums)
    {
        var shared = SharedMemory.Allocate<T>(GroupSum.LargestGroup);
        int columns = Group.DimX / Lanes, column = (Grid.IdxX * columns) + (Group.IdxX % columns);
        int first = Grid.IdxY * ChunkRows, end = Math.Min(rows, first + ChunkRows);
        T sum = T.Zero;
        if (column < sums.Columns)
            for (int row = first + (Group.IdxX / columns); row < end; row += Lanes)
                sum += term.At(row, column);
        shared[Group.IdxX] = sum;
        Group.Barrier();
        if (Group.IdxX >= columns || column >= sums.Columns)
            return;
        for (int lane = 1; lane < Lanes; lane++)
            sum += shared[(lane * columns) + Group.IdxX];
        sums[Grid.IdxY, column] = sum;
    }

    private static void SumKernel(GpuView<T> sums, GpuView<T> target)
    {
        int column = (int)GpuIndex.Thread;
        if (column >= target.Columns)
            return;
        T sum = T.Zero;
        for (int chunk = 0; chunk < sums.Rows; chunk++)
            sum += sums[chunk, column];
        target[column] += sum;
    }
}
