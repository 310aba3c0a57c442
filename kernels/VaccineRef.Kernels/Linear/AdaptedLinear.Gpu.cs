using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

public sealed partial class AdaptedLinear<T> : IGpuOp<T>
{
    /// <inheritdoc/>
    public void Forward(GpuFrame<T> f)
    {
        _linear.Forward(f, BiasInput);
        _adapter.AddTo(f);
    }

    /// <inheritdoc/>
    public void Backward(GpuFrame<T> f)
    {
        _linear.Backward(f, BiasInput);
        _adapter.Backward(f);
    }
}
