using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// On a GPU the cache keeps rows in the order in which k and v have them, (sequences * rows per sequence, columns). One
/// kernel serves all queries, and its blocks of keys begin at the same positions however many queries are new.
/// </summary>
public sealed partial class CachedAttention<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        var starts = new int[cache.Sequences];
        for (int s = 0; s < starts.Length; s++)
            starts[s] = s * cache.RowsPerSequence;
        GpuView<int> begin = f.Integers(starts), past = f.Integers(cache.Past);
        GpuView<T> keys = Rows(f.View(cache.Keys(layer))), values = Rows(f.View(cache.Values(layer)));
        var work = f.GroupEach(f.Y.Rows);
        f.Kernels.Launch(work, AppendKernel, f.X(1), keys, f.Ids, begin, past);
        f.Kernels.Launch(work, AppendKernel, f.X(2), values, f.Ids, begin, past);
        attention.Attend(f, keys, values, default, begin, past);
    }

    /// <summary>Not available: the op runs forward only.</summary>
    /// <exception cref="InvalidOperationException">Always.</exception>
    public void Backward(GpuFrame<T> f) =>
        throw new InvalidOperationException($"{Name} runs forward only: train with CausalAttention.");

    private GpuView<T> Rows(GpuView<T> memory) =>
        new(memory.Elements, cache.Sequences * cache.RowsPerSequence, cache.Columns);

    /// <summary>Runs one group for each new row, which it copies behind the earlier rows of its sequence.</summary>
    private static void AppendKernel(
        GpuView<T> x, GpuView<T> kept, GpuView<int> offsets, GpuView<int> starts, GpuView<int> past)
    {
        int row = Grid.IdxX, low = 0, high = starts.Columns;
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            if (offsets[middle] <= row)
                low = middle;
            else
                high = middle;
        }

        int to = starts[low] + past[low] + row - offsets[low];
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            kept[to, c] = x[row, c];
    }
}
