using ILGPU;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class ClipRows<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        f.Kernels.Launch(f.GroupEach(f.X(0).Rows), Kernel, f.X(0), radius);
        return 0;
    }

    /// <summary>Runs one group for each row.</summary>
    private static void Kernel(GpuView<T> x, double radius)
    {
        long start = (long)Grid.IdxX * x.Columns;
        double sum = 0;
        for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
            sum += GpuDouble.Read(x, start + c) * GpuDouble.Read(x, start + c);
        double length = Math.Sqrt(GroupSum.All(sum));
        if (length > radius)
            for (int c = Group.IdxX; c < x.Columns; c += Group.DimX)
                GpuDouble.Write(x, start + c, GpuDouble.Read(x, start + c) * (radius / length));
    }
}
