using System.Numerics;

namespace VaccineRef.Gpu;

/// <summary>The GPU half of an op, beside its CPU half: the same words on a <see cref="GpuFrame{T}"/>.</summary>
public interface IGpuOp<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Reads X(i) and Ids; writes every element of Y and Saved, which come uninitialised.</summary>
    void Forward(GpuFrame<T> f);

    /// <summary>Reads X(i), Ids, Y, Saved and Dy; adds into each Dx(i), skipping an empty one.</summary>
    void Backward(GpuFrame<T> f);
}
