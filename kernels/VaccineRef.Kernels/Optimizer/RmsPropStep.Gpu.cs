using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class RmsPropStep<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        var work = f.ForEach(f.X(0).Count);
        if (momentum == 0)
            f.Kernels.Launch(
                work, UpdateKernel, f.X(0), f.X(1), f.X(2), _alpha, _square, _epsilon, _decay, _rate, _scale);
        else
            f.Kernels.Launch(
                work, MomentumKernel, f.X(0), f.X(1), f.X(2), f.X(3), _alpha, _square, _epsilon, _momentum, _decay,
                _rate, _scale);
        return 0;
    }

    private static void UpdateKernel(
        GpuView<T> p, GpuView<T> g, GpuView<T> v, T alpha, T square, T epsilon, T decay, T rate, T scale)
    {
        long i = GpuIndex.Thread;
        if (i < p.Count)
            p[i] = p[i] - (Move(i, p, g, v, alpha, square, epsilon, decay, scale) * rate);
    }

    private static void MomentumKernel(
        GpuView<T> p, GpuView<T> g, GpuView<T> v, GpuView<T> b, T alpha, T square, T epsilon, T momentum, T decay,
        T rate, T scale)
    {
        long i = GpuIndex.Thread;
        if (i >= p.Count)
            return;
        b[i] = (b[i] * momentum) + Move(i, p, g, v, alpha, square, epsilon, decay, scale);
        p[i] = p[i] - (b[i] * rate);
    }

    private static T Move(
        long i, GpuView<T> p, GpuView<T> g, GpuView<T> v, T alpha, T square, T epsilon, T decay, T scale)
    {
        T gradient = (g[i] * scale) + (p[i] * decay);
        v[i] = (v[i] * alpha) + (gradient * gradient * square);
        return gradient / (T.Sqrt(v[i]) + epsilon);
    }
}
