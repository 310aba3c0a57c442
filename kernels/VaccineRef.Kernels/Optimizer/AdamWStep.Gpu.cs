using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class AdamWStep<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        f.Kernels.Launch(
            f.ForEach(f.X(0).Count), UpdateKernel, f.X(0), f.X(1), f.X(2), f.X(3), _keep, _mean, _decay, _square,
            _epsilon, _rootCorrection, _rate, _scale);
        return 0;
    }

    private static void UpdateKernel(
        GpuView<T> p, GpuView<T> g, GpuView<T> m, GpuView<T> v, T keep, T mean, T decay, T square, T epsilon,
        T rootCorrection, T rate, T scale)
    {
        long i = GpuIndex.Thread;
        if (i >= p.Count)
            return;
        T gradient = g[i] * scale;
        m[i] += (gradient - m[i]) * mean;
        v[i] = (v[i] * decay) + (gradient * gradient * square);
        p[i] = (p[i] * keep) - (m[i] / ((T.Sqrt(v[i]) / rootCorrection) + epsilon) * rate);
    }
}
