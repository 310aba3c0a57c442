using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class FirstNonFinite<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        var x = f.X(0);
        int pieces = checked((int)((x.Count + BlockSizes.Sum - 1) / BlockSizes.Sum));
        var first = f.Scratch<long>(1, pieces);
        f.Kernels.Launch(f.ForEach(pieces), FindKernel, x, first);
        var host = new long[pieces];
        f.Download(first, host);
        return host.Append(long.MaxValue).Min() is < long.MaxValue and var index ? index : -1;
    }

    /// <summary>
    /// Runs one thread for each piece. That is slow, but it runs only once, after something has gone wrong.
    /// </summary>
    private static void FindKernel(GpuView<T> x, GpuView<long> first)
    {
        long piece = GpuIndex.Thread;
        if (piece >= first.Count)
            return;
        long start = piece * BlockSizes.Sum, found = long.MaxValue;
        long end = x.Count < start + BlockSizes.Sum ? x.Count : start + BlockSizes.Sum;
        for (long i = end - 1; i >= start; i--)
            if (!(x[i] - x[i] == T.Zero))                       // NaN for what is not finite
                found = i;
        first[piece] = found;
    }
}
