using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class Linear<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f) => Forward(f, bias: 2);

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f) => Backward(f, bias: 2);

    /// <summary>
    /// y = x W + b, with W as (in, out), where b is the input with the number <paramref name="bias"/> if the call has
    /// that many.
    /// </summary>
    internal void Forward(GpuFrame<T> f, int bias)
    {
        bool hasBias = f.Inputs > bias;
        if (hasBias)
            Bias.Fill(f, f.X(bias), f.Y);
        GpuMatmul.Multiply(f, T.One, f.X(0), layout.InByOut(f.X(1)), f.Y, accumulate: hasBias);
    }

    /// <summary>The gradients of x, W and b.</summary>
    internal void Backward(GpuFrame<T> f, int bias)
    {
        if (f.Wants(0))
            GpuMatmul.Multiply(
                f, T.One, f.Dy, layout.InByOut(f.X(1)).Transposed(), f.Dx(0), accumulate: f.Adds(0));
        if (f.Wants(1))
            GpuMatmul.Multiply(f, T.One, f.X(0).Transposed(), f.Dy, layout.InByOut(f.Dx(1)), accumulate: true);
        if (f.Wants(bias))
            Bias.AddGradient(f, f.Dy, f.Dx(bias));
    }
}
