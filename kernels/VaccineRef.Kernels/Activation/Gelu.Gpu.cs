using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Gelu<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        if (form == GeluForm.Tanh)
            f.Kernels.Launch(
                f.ForEach(f.Y.Count), TanhKernel, f.X(0), f.Y, T.CreateChecked(Slope), T.CreateChecked(Slope * Cubic));
        else
            f.Kernels.Launch(f.ForEach(f.Y.Count), ErfKernel, f.X(0), f.Y);
    }

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (!f.Wants(0))
            return;
        if (form == GeluForm.Tanh)
            f.Kernels.Launch(
                f.ForEach(f.Dy.Count), TanhBackwardKernel, f.X(0), f.Dy, f.Dx(0), T.CreateChecked(Slope),
                T.CreateChecked(Slope * Cubic), T.CreateChecked(3 * Slope * Cubic));
        else
        {
            var factor = f.Scratch<T>(f.Dy.Rows, f.Dy.Columns);
            f.Kernels.Launch(f.ForEach(f.Dy.Count), ErfBackwardKernel, f.X(0), f.Dy, factor, f.Dx(0));
        }
    }

    private static void TanhKernel(GpuView<T> x, GpuView<T> y, T slope, T cubic)
    {
        long i = GpuIndex.Thread;
        if (i < y.Count)
            y[i] = x[i] * Gate(x[i], slope, cubic);
    }

    private static void TanhBackwardKernel(
        GpuView<T> x, GpuView<T> dy, GpuView<T> dx, T slope, T cubic, T tripleCubic)
    {
        long i = GpuIndex.Thread;
        if (i >= dy.Count)
            return;
        T v = x[i], s = Gate(v, slope, cubic);
        dx[i] += dy[i] * (s + (s * (T.One - s) * v * ((v * v * tripleCubic) + slope)));
    }

    /// <summary>s = sigmoid(2 u).</summary>
    private static T Gate(T x, T slope, T cubic) => T.One / (T.One + T.Exp(-x * ((x * x * cubic) + slope)));

    private static void ErfKernel(GpuView<T> x, GpuView<T> y)
    {
        long i = GpuIndex.Thread;
        if (i >= y.Count)
            return;
        double v = GpuDouble.Read(x, i);
        GpuDouble.Write(y, i, v * GpuErrorFunction.Normal(v));
    }

    /// <summary>The factor passes through memory, where a double becomes a T.</summary>
    private static void ErfBackwardKernel(GpuView<T> x, GpuView<T> dy, GpuView<T> factor, GpuView<T> dx)
    {
        long i = GpuIndex.Thread;
        if (i >= dy.Count)
            return;
        const double InverseRootTwoPi = 0.39894228040143267794;
        double v = GpuDouble.Read(x, i);
        GpuDouble.Write(factor, i, GpuErrorFunction.Normal(v) + (v * Math.Exp(-0.5 * v * v) * InverseRootTwoPi));
        dx[i] += factor[i] * dy[i];
    }
}
