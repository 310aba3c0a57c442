using System.Numerics;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// Splits k among groups where a product has too few tiles to fill a GPU. The sums of the splits are added in their
/// order, without atomics, so every run gives the same bits.
/// </summary>
internal static class GpuSplits
{
    /// <summary>The number of groups that fills a GPU; below it, k is split.</summary>
    public const int EnoughGroups = 256;

    /// <summary>Launches a product of so many tiles and steps along k, and adds its splits.</summary>
    /// <param name="f">The call.</param>
    /// <param name="x">The product.</param>
    /// <param name="tiles">The number of tiles of C, each of which one group computes.</param>
    /// <param name="steps">The number of steps along k of each tile.</param>
    /// <param name="shortest">The number of steps that pays for a second pass over C.</param>
    /// <param name="c">C.</param>
    /// <param name="alpha">The factor of the product.</param>
    /// <param name="accumulate">Whether the product is added to C.</param>
    /// <param name="launch">Launches a kernel that computes so many splits into an output.</param>
    public static void Run<T>(
        GpuFrame<T> f, GpuProduct x, int tiles, int steps, int shortest, GpuView<T> c, T alpha, bool accumulate,
        Action<int, GpuOutput<T>> launch)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int splits = Math.Clamp(EnoughGroups / tiles, 1, Math.Max(1, steps / shortest));
        if (splits == 1)
        {
            launch(1, new GpuOutput<T>(c, x.M, alpha, accumulate));
            return;
        }

        var sums = f.Scratch<T>(splits * x.M, x.N);
        launch(splits, new GpuOutput<T>(sums, x.M, T.One, false));
        f.Kernels.Launch(f.ForEach(c.Count), SumKernel, sums, new GpuOutput<T>(c, x.M, alpha, accumulate), splits);
    }

    /// <summary>Adds the splits of an element, from the first to the last.</summary>
    private static void SumKernel<T>(GpuView<T> sums, GpuOutput<T> c, int splits)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long i = GpuIndex.Thread, count = (long)c.Rows * c.Columns;
        if (i >= count)
            return;
        T sum = sums[i];
        for (int split = 1; split < splits; split++)
            sum += sums[(split * count) + i];
        c.Put(0, (int)(i / c.Columns), (int)(i % c.Columns), sum);
    }
}
