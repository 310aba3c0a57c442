using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed unsafe partial class Linear<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        bool hasBias = f.Inputs == 3;
        if (hasBias)
            GpuBias.Fill(f, f.X(2), f.Y);
        GpuMatmul.Multiply(f, T.One, f.X(0), false, f.X(1), _outIn, f.Y, accumulate: hasBias);
    }

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        GpuView<T> x = f.X(0), w = f.X(1), dy = f.Dy;
        if (f.Wants(0))
            GpuMatmul.Multiply(f, T.One, dy, false, w, !_outIn, f.Dx(0), accumulate: f.Adds(0));
        if (f.Wants(1) && _outIn)
            GpuMatmul.Multiply(f, T.One, dy, true, x, false, f.Dx(1), accumulate: true);
        else if (f.Wants(1))
            GpuMatmul.Multiply(f, T.One, x, true, dy, false, f.Dx(1), accumulate: true);
        if (f.Wants(2))
            GpuBias.AddGradient(f, dy, f.Dx(2));
    }
}
