using ILGPU;
using VaccineRef.Core;
using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed unsafe partial class NarrowToBFloat16<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        f.Kernels.Launch(f.ForEach(f.X(0).Count), NarrowKernel, f.X(0), f.View(to));
        return 0;
    }

    /// <summary>
    /// Runs one thread for each element. It rounds to a float, to odd, and then to bfloat16, as
    /// <see cref="BFloat16.Narrow"/> does.
    /// </summary>
    private static void NarrowKernel(GpuView<T> x, GpuView<ushort> narrow)
    {
        long i = GpuIndex.Thread;
        if (i >= x.Count)
            return;
        double value = GpuDouble.Read(x, i);
        float single = (float)value;
        uint bits = Interop.FloatAsInt(single);
        bool isNaN = double.IsNaN(value);
        if (!isNaN && single != value && (bits & 1) == 0)
            bits = Math.Abs((double)single) < Math.Abs(value) ? bits + 1 : bits - 1;
        narrow[i] = (ushort)(isNaN ? (bits >> 16) | 0x40 : (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
