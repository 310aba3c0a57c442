using System.Numerics;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// Sums of products over whole views, in double: pieces of a fixed size are summed by a group each, then their sums by one group. One
/// number comes back.
/// </summary>
internal readonly ref struct GpuSums<T>(GpuFrame<T> f) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly GpuFrame<T> _f = f;
    private readonly List<GpuView<double>> _partial = [];

    /// <summary>Adds the sum of x y over all elements.</summary>
    public void Add(GpuView<T> x, GpuView<T> y)
    {
        int pieces = checked((int)((x.Count + Cut.Sum - 1) / Cut.Sum));
        if (pieces == 0)
            return;
        var partial = _f.Scratch<double>(pieces, 1);
        _f.Kernels.Launch(_f.GroupEach<double>(pieces), ProductKernel, x, y, partial);
        _partial.Add(partial);
    }

    /// <summary>The sum of everything added.</summary>
    public double Total()
    {
        double total = 0;
        var one = _f.Scratch<double>(1, 1);
        Span<double> host = stackalloc double[1];
        foreach (var partial in _partial)
        {
            _f.Kernels.Launch(_f.GroupEach<double>(1), SumKernel, partial, one);
            _f.Download(one, host);
            total += host[0];
        }

        return total;
    }

    private static void ProductKernel(GpuView<T> x, GpuView<T> y, GpuView<double> partial)
    {
        var shared = SharedMemory.GetDynamic<double>();
        long start = (long)Grid.IdxX * Cut.Sum, end = x.Count < start + Cut.Sum ? x.Count : start + Cut.Sum;
        double sum = 0;
        for (long i = start + Group.IdxX; i < end; i += Group.DimX)
            sum += GpuWide.Read(x, i) * GpuWide.Read(y, i);
        double total = GroupSum.All(sum, shared);
        if (Group.IdxX == 0)
            partial[Grid.IdxX] = total;
    }

    private static void SumKernel(GpuView<double> partial, GpuView<double> total)
    {
        var shared = SharedMemory.GetDynamic<double>();
        double sum = 0;
        for (int i = Group.IdxX; i < partial.Rows; i += Group.DimX)
            sum += partial[i];
        sum = GroupSum.All(sum, shared);
        if (Group.IdxX == 0)
            total[0] = sum;
    }
}
