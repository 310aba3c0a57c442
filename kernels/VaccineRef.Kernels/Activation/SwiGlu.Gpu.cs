using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class SwiGlu<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => f.Kernels.Launch(f.ForEach(f.Y.Count), ForwardKernel, f.X(0), f.X(1), f.Y);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            f.Kernels.Launch(
                f.ForEach(f.Dy.Count), BackwardGateKernel, f.X(0), f.X(1), f.Dy, f.Dx(0), f.Adds(0) ? 1 : 0);
        if (f.Wants(1))
            f.Kernels.Launch(f.ForEach(f.Dy.Count), BackwardUpKernel, f.X(0), f.Dy, f.Dx(1), f.Adds(1) ? 1 : 0);
    }

    private static void ForwardKernel(GpuView<T> gate, GpuView<T> up, GpuView<T> y)
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = gate[i] * Sigmoid(gate[i]) * up[i];
    }

    private static void BackwardGateKernel(GpuView<T> gate, GpuView<T> up, GpuView<T> dy, GpuView<T> dgate, int adds)
    {
        long i = GpuIndex.Thread;
        if (i >= dy.Count)
            return;
        T s = Sigmoid(gate[i]);
        dgate[i] = (adds == 0 ? T.Zero : dgate[i]) + (dy[i] * up[i] * (s + (s * gate[i] * (T.One - s))));
    }

    private static void BackwardUpKernel(GpuView<T> gate, GpuView<T> dy, GpuView<T> dup, int adds)
    {
        long i = GpuIndex.Thread;
        if (i < dy.Count)
            dup[i] = (adds == 0 ? T.Zero : dup[i]) + (dy[i] * gate[i] * Sigmoid(gate[i]));
    }

    private static T Sigmoid(T x) => T.One / (T.One + T.Exp(-x));
}
