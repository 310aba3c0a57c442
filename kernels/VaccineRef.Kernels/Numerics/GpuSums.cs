using System.Numerics;
using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

/// <summary>
/// Sums over all elements of views, in double. A group sums each block of constant size, and one group sums the
/// results. However many views there are, one transfer brings their sums to the host.
/// </summary>
internal readonly ref struct GpuSums<T>(GpuFrame<T> f) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly GpuFrame<T> _f = f;
    private readonly GpuView<double> _totals = f.Scratch<double>(1, Math.Max(1, f.Inputs));
    private readonly List<GpuView<double>> _partial = [];

    /// <summary>Adds the sum of x^2 over all elements.</summary>
    public void AddSquares(GpuView<T> x)
    {
        int pieces = Pieces(x);
        if (pieces == 0)
            return;
        var partial = _f.Scratch<double>(pieces, 1);
        _f.Kernels.Launch(_f.GroupEach(pieces), SquareKernel, x, partial);
        _partial.Add(partial);
    }

    /// <summary>Adds the sum of x y over all elements of two views of one size.</summary>
    public void AddProducts(GpuView<T> x, GpuView<T> y)
    {
        int pieces = Pieces(x);
        if (pieces == 0)
            return;
        var partial = _f.Scratch<double>(pieces, 1);
        _f.Kernels.Launch(_f.GroupEach(pieces), ProductKernel, x, y, partial);
        _partial.Add(partial);
    }

    /// <summary>The sum of everything added, view after view, on the host.</summary>
    public double Total()
    {
        if (_partial.Count == 0)
            return 0;
        for (int i = 0; i < _partial.Count; i++)
            _f.Kernels.Launch(_f.GroupEach(1), SumKernel, _partial[i], _totals, i);
        Span<double> host = new double[_partial.Count];
        _f.Download(_totals, host);
        double total = 0;
        foreach (double sum in host)
            total += sum;
        return total;
    }

    /// <summary>y = the mean of x, on the device, and 0 if x has no elements.</summary>
    public void Mean(GpuView<T> x, GpuView<T> y)
    {
        int pieces = Pieces(x);
        var partial = _f.Scratch<double>(Math.Max(1, pieces), 1);
        _f.Kernels.Launch(_f.GroupEach(Math.Max(1, pieces)), PlainKernel, x, partial);
        _f.Kernels.Launch(_f.GroupEach(1), MeanKernel, partial, y, (double)Math.Max(1, x.Count));
    }

    private static int Pieces(GpuView<T> x) => checked((int)((x.Count + BlockSizes.Sum - 1) / BlockSizes.Sum));

    private static void SquareKernel(GpuView<T> x, GpuView<double> partial)
    {
        double sum = 0;
        for (long i = First; i < End(x); i += Group.DimX)
            sum += GpuDouble.Read(x, i) * GpuDouble.Read(x, i);
        Put(partial, sum);
    }

    private static void ProductKernel(GpuView<T> x, GpuView<T> y, GpuView<double> partial)
    {
        double sum = 0;
        for (long i = First; i < End(x); i += Group.DimX)
            sum += GpuDouble.Read(x, i) * GpuDouble.Read(y, i);
        Put(partial, sum);
    }

    private static void PlainKernel(GpuView<T> x, GpuView<double> partial)
    {
        double sum = 0;
        for (long i = First; i < End(x); i += Group.DimX)
            sum += GpuDouble.Read(x, i);
        Put(partial, sum);
    }

    // The thread's elements of the group's piece.
    private static long First => ((long)Grid.IdxX * BlockSizes.Sum) + Group.IdxX;

    private static long End(GpuView<T> x) => Math.Min(x.Count, ((long)Grid.IdxX + 1) * BlockSizes.Sum);

    private static void Put(GpuView<double> partial, double sum)
    {
        sum = GroupSum.All(sum);
        if (Group.IdxX == 0)
            partial[Grid.IdxX] = sum;
    }

    private static void SumKernel(GpuView<double> partial, GpuView<double> totals, int index)
    {
        double sum = Sum(partial);
        if (Group.IdxX == 0)
            totals[index] = sum;
    }

    private static void MeanKernel(GpuView<double> partial, GpuView<T> mean, double count)
    {
        double sum = Sum(partial);
        if (Group.IdxX == 0)
            GpuDouble.Write(mean, 0, sum / count);
    }

    private static double Sum(GpuView<double> partial)
    {
        double sum = 0;
        for (int i = Group.IdxX; i < partial.Rows; i += Group.DimX)
            sum += partial[i];
        return GroupSum.All(sum);
    }
}

/// <summary>
/// max + log(sum), element by element, with the logarithm in double, because that of float is approximate on a GPU.
/// </summary>
internal static class GpuLogSum
{
    public static void Write<T>(GpuFrame<T> f, GpuView<T> max, GpuView<T> sum, GpuView<T> y)
        where T : unmanaged, IFloatingPointIeee754<T> => f.Kernels.Launch(f.ForEach(y.Count), Kernel, max, sum, y);

    private static void Kernel<T>(GpuView<T> max, GpuView<T> sum, GpuView<T> y)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            GpuDouble.Write(y, i, GpuDouble.Read(max, i) + Math.Log(GpuDouble.Read(sum, i)));
    }
}
