using VaccineRef.Gpu;

namespace VaccineRef.Kernels;

internal readonly partial struct LowRankTerm<T>
{
    /// <summary>y += scaling low B'.</summary>
    public void AddTo(GpuFrame<T> f) =>
        GpuMatmul.Multiply(f, _scaling, f.X(_low), f.X(_b).Transposed(), f.Y, accumulate: true);

    /// <summary>dlow = scaling dy B and dB = scaling dy' low.</summary>
    public void Backward(GpuFrame<T> f)
    {
        if (f.Wants(_low))
            GpuMatmul.Multiply(f, _scaling, f.Dy, f.X(_b), f.Dx(_low), accumulate: f.Adds(_low));
        if (f.Wants(_b))
            GpuMatmul.Multiply(f, _scaling, f.Dy.Transposed(), f.X(_low), f.Dx(_b), accumulate: true);
    }
}
