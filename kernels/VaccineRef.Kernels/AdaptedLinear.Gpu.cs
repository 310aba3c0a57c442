using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed unsafe partial class AdaptedLinear<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        bool hasBias = f.Inputs == 5;
        if (hasBias)
            GpuBias.Fill(f, f.X(4), f.Y);
        GpuMatmul.Multiply(f, T.One, f.X(0), false, f.X(1), _outIn, f.Y, accumulate: hasBias);
        GpuMatmul.Multiply(f, _scaling, f.X(2), false, f.X(3), true, f.Y, accumulate: true);
    }

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        GpuView<T> x = f.X(0), w = f.X(1), low = f.X(2), b = f.X(3), dy = f.Dy;
        if (f.Wants(0))
            GpuMatmul.Multiply(f, T.One, dy, false, w, !_outIn, f.Dx(0), accumulate: f.Adds(0));
        if (f.Wants(1) && _outIn)
            GpuMatmul.Multiply(f, T.One, dy, true, x, false, f.Dx(1), accumulate: true);
        else if (f.Wants(1))
            GpuMatmul.Multiply(f, T.One, x, true, dy, false, f.Dx(1), accumulate: true);
        if (f.Wants(2))
            GpuMatmul.Multiply(f, _scaling, dy, false, b, false, f.Dx(2), accumulate: f.Adds(2));
        if (f.Wants(3))
            GpuMatmul.Multiply(f, _scaling, dy, true, low, false, f.Dx(3), accumulate: true);
        if (f.Wants(4))
            GpuBias.AddGradient(f, dy, f.Dx(4));
    }
}
