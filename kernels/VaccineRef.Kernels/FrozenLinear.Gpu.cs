using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed unsafe partial class FrozenLinear<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        int bias = Bias(f.Inputs);
        if (bias > 0)
            GpuBias.Fill(f, f.X(bias), f.Y);
        GpuMatmul.Multiply(f, f.X(0), f.View(weight), _outIn, f.Y, accumulate: bias > 0);
        if (f.Inputs > 2)
            GpuMatmul.Multiply(f, _scaling, f.X(1), false, f.X(2), true, f.Y, accumulate: true);
    }

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            GpuMatmul.Multiply(f, f.Dy, f.View(weight), !_outIn, f.Dx(0), accumulate: f.Adds(0));
        if (f.Inputs > 2 && f.Wants(1))
            GpuMatmul.Multiply(f, _scaling, f.Dy, false, f.X(2), false, f.Dx(1), accumulate: true);
        if (f.Inputs > 2 && f.Wants(2))
            GpuMatmul.Multiply(f, _scaling, f.Dy, true, f.X(1), false, f.Dx(2), accumulate: true);
        int bias = Bias(f.Inputs);
        if (bias > 0 && f.Wants(bias))
            GpuBias.AddGradient(f, f.Dy, f.Dx(bias));
    }
}
