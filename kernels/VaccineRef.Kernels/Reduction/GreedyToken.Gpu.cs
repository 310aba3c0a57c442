using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class GreedyToken<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => f.Kernels.Launch(f.GroupEach(f.Y.Rows), ForwardKernel, f.X(0), f.Y);

    /// <summary>Not available: the op runs forward only.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public void Backward(GpuFrame<T> f) => throw new InvalidOperationException($"{Name} runs forward only.");

    /// <summary>
    /// Runs one group for each row: every thread finds the best of its columns, and a tree the best of those. The
    /// result does not depend on the order.
    /// </summary>
    private static void ForwardKernel(GpuView<T> x, GpuView<T> y)
    {
        var best = SharedMemory.Allocate<int>(GroupSum.LargestGroup);
        int row = Grid.IdxX, thread = Group.IdxX, own = Math.Min(thread, x.Columns - 1);
        for (int id = thread + Group.DimX; id < x.Columns; id += Group.DimX)
            own = Better(x, row, own, id);
        best[thread] = own;
        Group.Barrier();
        for (int half = Group.DimX / 2; half > 0; half /= 2)
        {
            if (thread < half)
                best[thread] = Better(x, row, best[thread], best[thread + half]);
            Group.Barrier();
        }

        if (thread == 0)
            GpuDouble.Write(y, row, T.IsNaN(x[row, best[0]]) ? -1 : best[0]);
    }

    /// <summary>
    /// The better of two columns: NaN before every number, the larger before the smaller, the lower column before the
    /// higher.
    /// </summary>
    private static int Better(GpuView<T> x, int row, int a, int b)
    {
        T first = x[row, a], second = x[row, b];
        if (T.IsNaN(first) || T.IsNaN(second))
            return T.IsNaN(first) ? a : b;
        if (first == second)
            return Math.Min(a, b);
        return first > second ? a : b;
    }
}
