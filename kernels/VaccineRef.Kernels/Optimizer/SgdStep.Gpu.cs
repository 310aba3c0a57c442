using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class SgdStep<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        var work = f.ForEach(f.X(0).Count);
        if (momentum == 0)
            f.Kernels.Launch(work, DescendKernel, f.X(0), f.X(1), _decay, _rate, _scale);
        else
            f.Kernels.Launch(
                work, MomentumKernel, f.X(0), f.X(1), f.X(2), _momentum, _taken, _decay, _ofGradient, _ofSum, _rate,
                _scale);
        return 0;
    }

    private static void DescendKernel(GpuView<T> p, GpuView<T> g, T decay, T rate, T scale)
    {
        long i = GpuIndex.Thread;
        if (i < p.Count)
            p[i] = p[i] - (((g[i] * scale) + (p[i] * decay)) * rate);
    }

    private static void MomentumKernel(
        GpuView<T> p, GpuView<T> g, GpuView<T> b, T momentum, T taken, T decay, T ofGradient, T ofSum, T rate, T scale)
    {
        long i = GpuIndex.Thread;
        if (i >= p.Count)
            return;
        T gradient = (g[i] * scale) + (p[i] * decay);
        b[i] = (b[i] * momentum) + (gradient * taken);
        p[i] = p[i] - (((gradient * ofGradient) + (b[i] * ofSum)) * rate);
    }
}
