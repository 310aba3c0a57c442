using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed unsafe partial class FrozenLinear<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        int bias = BiasInput(f.Inputs);
        if (bias > 0)
            Bias.Fill(f, f.X(bias), f.Y);
        GpuMatmul.Multiply(f, f.X(0), layout.InByOut(f.View(weight)), f.Y, accumulate: bias > 0);
        if (HasAdapter(f.Inputs))
            _adapter.AddTo(f);
    }

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(0))
            GpuMatmul.Multiply(
                f, f.Dy, layout.InByOut(f.View(weight)).Transposed(), f.Dx(0), accumulate: f.Adds(0));
        if (HasAdapter(f.Inputs))
            _adapter.Backward(f);
        int bias = BiasInput(f.Inputs);
        if (bias > 0 && f.Wants(bias))
            Bias.AddGradient(f, f.Dy, f.Dx(bias));
    }
}
