using System.Numerics;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// A bias, (1, C), on a GPU: copied to every row before a product is added, and its gradient, the sum over rows. A
/// group owns neighbouring columns; each of its lanes adds every 8th row, and the lanes are added in their order.
/// </summary>
internal static class GpuBias
{
    private const int Lanes = 8;

    /// <summary>Writes the bias into every row of <paramref name="y"/>.</summary>
    public static void Fill<T>(GpuFrame<T> f, GpuView<T> bias, GpuView<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        f.Kernels.Launch(f.ForEach(y.Count), FillKernel, bias, y);

    /// <summary>Adds the rows of <paramref name="dy"/>, (N, C), to the bias's gradient.</summary>
    public static void AddGradient<T>(GpuFrame<T> f, GpuView<T> dy, GpuView<T> gradient)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        int columns = Math.Max(1, f.GroupSize / Lanes);
        f.Kernels.Launch(f.GroupEach((dy.Columns + columns - 1) / columns), SumKernel, dy, gradient);
    }

    private static void FillKernel<T>(GpuView<T> bias, GpuView<T> y) where T : unmanaged
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = bias[i % y.Columns];
    }

    private static void SumKernel<T>(GpuView<T> dy, GpuView<T> gradient)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var shared = SharedMemory.Allocate<T>(GroupSum.LargestGroup);
        int columns = Group.DimX / Lanes, column = (Grid.IdxX * columns) + (Group.IdxX % columns);
        T sum = T.Zero;
        if (column < dy.Columns)
            for (int row = Group.IdxX / columns; row < dy.Rows; row += Lanes)
                sum += dy[row, column];
        shared[Group.IdxX] = sum;
        Group.Barrier();
        if (Group.IdxX >= columns || column >= dy.Columns)
            return;
        for (int lane = 1; lane < Lanes; lane++)
            sum += shared[(lane * columns) + Group.IdxX];
        gradient[column] += sum;
    }
}
