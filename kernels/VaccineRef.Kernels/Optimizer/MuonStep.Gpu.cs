using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class MuonStep<T> : IGpuRoutine<T>
{
    /// <inheritdoc/>
    public double Run(GpuFrame<T> f)
    {
        GpuView<T> p = f.X(0), u = f.X(3), next = f.X(4), gram = f.X(5), square = f.X(6);
        var work = f.ForEach(p.Count);
        f.Kernels.Launch(work, GatherKernel, f.X(1), f.X(2), u, _momentum, _ofGradient, _ofSum, _scale);
        var sums = new GpuSums<T>(f);
        sums.AddSquares(u);
        Scale<T>.Write(f, u, T.CreateChecked(1 / Math.Max(Math.Sqrt(sums.Total()), LeastNorm)), u);
        for (int round = 0; round < Rounds; round++)
        {
            Round(f, u, next, gram, square);
            (u, next) = (next, u);
        }

        f.Kernels.Launch(work, MoveKernel, p, u, _keep, _length);
        return 0;
    }

    private static void Round(GpuFrame<T> f, GpuView<T> u, GpuView<T> next, GpuView<T> gram, GpuView<T> square)
    {
        bool tall = u.Rows > u.Columns;
        if (tall)
            GpuMatmul.Multiply(f, T.One, u.Transposed(), u, gram, accumulate: false);
        else
            GpuMatmul.Multiply(f, T.One, u, u.Transposed(), gram, accumulate: false);
        GpuMatmul.Multiply<T>(f, T.CreateChecked(C), gram, gram, square, accumulate: false);
        Add<T>.AddScaled(f, square, gram, T.CreateChecked(B), square);
        Scale<T>.Write(f, u, T.CreateChecked(A), next);
        GpuMatmul.Multiply<T>(f, T.One, tall ? u : square, tall ? square : u, next, accumulate: true);
    }

    private static void GatherKernel(
        GpuView<T> g, GpuView<T> b, GpuView<T> u, T momentum, T ofGradient, T ofSum, T scale)
    {
        long i = GpuIndex.Thread;
        if (i >= b.Count)
            return;
        T gradient = g[i] * scale;
        b[i] = (b[i] * momentum) + gradient;
        u[i] = (gradient * ofGradient) + (b[i] * ofSum);
    }

    private static void MoveKernel(GpuView<T> p, GpuView<T> u, T keep, T length)
    {
        long i = GpuIndex.Thread;
        if (i < p.Count)
            p[i] = (p[i] * keep) - (u[i] * length);
    }
}
