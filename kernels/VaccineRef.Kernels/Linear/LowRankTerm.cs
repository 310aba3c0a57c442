using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels;

/// <summary>
/// scaling low B': the second half of a low-rank adapter, which a linear layer adds to its output. low (N, r) and B
/// (out, r) are two inputs of the layer's op that follow each other. Source: arXiv 2106.09685, eq. 3.
/// </summary>
/// <param name="scaling">The factor of the adapter.</param>
/// <param name="low">The number of the input low; B is the next one.</param>
internal readonly partial struct LowRankTerm<T>(double scaling, int low) where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly T _scaling = T.CreateChecked(scaling);
    private readonly int _low = low, _b = low + 1;

    /// <summary>y += scaling low B'.</summary>
    public void AddTo(CpuFrame<T> f) =>
        Matmul.Multiply(f.Workers, _scaling, f.X(_low), f.X(_b).Transposed(), f.Y, accumulate: true);

    /// <summary>dlow = scaling dy B and dB = scaling dy' low.</summary>
    public void Backward(CpuFrame<T> f)
    {
        if (f.Wants(_low))
            Matmul.Multiply(f.Workers, _scaling, f.Dy, f.X(_b), f.Dx(_low), accumulate: f.Adds(_low));
        if (f.Wants(_b))
            Matmul.Multiply(f.Workers, _scaling, f.Dy.Transposed(), f.X(_low), f.Dx(_b), accumulate: true);
    }
}
