using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Embedding<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => f.Kernels.Launch(
        f.GroupEach(f.Y.Rows), ForwardKernel, f.X(0), f.Y, f.Ids, offset);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (!f.Wants(0) || f.Dy.Rows == 0)
            return;
        GpuView<int> previous = f.Scratch<int>(f.Dy.Rows, 1), next = f.Scratch<int>(f.Dy.Rows, 1);
        f.Kernels.Launch(f.ForEach(f.Dy.Rows), ChainKernel, f.Ids, previous, next);
        f.Kernels.Launch(
            f.GroupEach(f.Dy.Rows), BackwardKernel, f.Dy, f.Dx(0), f.Ids, previous, next, offset,
            paddingId);
    }

    /// <summary>Runs one group for each row of y.</summary>
    private static void ForwardKernel(GpuView<T> table, GpuView<T> y, GpuView<int> ids, int offset)
    {
        int row = Grid.IdxX, id = ids[row] + offset;
        for (int c = Group.IdxX; c < y.Columns; c += Group.DimX)
            y[row, c] = table[id, c];
    }

    /// <summary>
    /// Runs one thread for each row, which finds the rows before and after it that have the same id: -1 and N where
    /// there is none. That is N^2 steps in all, but small ones whose reads neighbouring threads share; sorting the ids
    /// on the host would make the device wait.
    /// </summary>
    private static void ChainKernel(GpuView<int> ids, GpuView<int> previous, GpuView<int> next)
    {
        int row = (int)GpuIndex.Thread;
        if (row >= ids.Columns)
            return;
        int id = ids[row], before = row - 1, after = row + 1;
        while (before >= 0 && ids[before] != id)
            before--;
        while (after < ids.Columns && ids[after] != id)
            after++;
        previous[row] = before;
        next[row] = after;
    }

    /// <summary>
    /// Runs one group for each row. The group of the first row that has an id owns that row of the table, and adds in
    /// the order of the rows.
    /// </summary>
    private static void BackwardKernel(
        GpuView<T> dy, GpuView<T> dtable, GpuView<int> ids, GpuView<int> previous, GpuView<int> next, int offset,
        int paddingId)
    {
        int first = Grid.IdxX, id = ids[first] + offset;
        if (previous[first] >= 0 || id == paddingId)
            return;
        for (int c = Group.IdxX; c < dy.Columns; c += Group.DimX)
        {
            T sum = dtable[id, c];
            for (int row = first; row < dy.Rows; row = next[row])
                sum += dy[row, c];
            dtable[id, c] = sum;
        }
    }
}
