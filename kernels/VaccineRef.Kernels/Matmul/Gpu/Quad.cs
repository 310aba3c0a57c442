using System.Numerics;

namespace VaccineRef.Kernels;

/// <summary>
/// Four neighbours in registers. The fields have names, because ILGPU keeps fields of local structs in registers but
/// arrays in memory.
/// </summary>
internal struct Quad<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public T X, Y, Z, W;

    /// <summary>
    /// s x + sum, lane by lane. These are plain operators: ILGPU has no FusedMultiplyAdd on CUDA, and every driver
    /// fuses them.
    /// </summary>
    public static Quad<T> MultiplyAdd(T s, Quad<T> x, Quad<T> sum)
    {
        sum.X = (s * x.X) + sum.X;
        sum.Y = (s * x.Y) + sum.Y;
        sum.Z = (s * x.Z) + sum.Z;
        sum.W = (s * x.W) + sum.W;
        return sum;
    }
}
