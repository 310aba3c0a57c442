using System.Numerics;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// Splits k among groups where a product has too few tiles to fill a GPU; the sums of the splits are added in their
/// order: no atomics, the same bits in every run.
/// </summary>
internal static class GpuSplits
{
    /// <summary>Groups that fill a GPU; below, k is split.</summary>
    public const int EnoughGroups = 256;

    /// <summary>Launches a product of so many tiles and steps along k, and adds its splits.</summary>
    /// <param name="f">The call.</param>
    /// <param name="x">The product.</param>
    /// <param name="tiles">Tiles of C, each of which one group computes.</param>
    /// <param name="steps">Steps along k of each.</param>
    /// <param name="shortest">Steps that pay for a second pass over C.</param>
    /// <param name="c">C.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="accumulate">Whether the product is added to C.</param>
    /// <param name="launch">Computes a number of splits into an output.</param>
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

    /// <summary>Adds the splits of an element, first to last.</summary>
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
