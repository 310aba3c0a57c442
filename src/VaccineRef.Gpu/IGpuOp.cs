using System.Numerics;

namespace VaccineRef.Gpu;

/// <summary>
/// The GPU half of an op, which stands beside its processor half and does the same on a <see cref="GpuFrame{T}"/>.
/// </summary>
public interface IGpuOp<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Reads X(i) and Ids, and writes every element of Y and Saved, which are uninitialised before.</summary>
    void Forward(GpuFrame<T> f);

    /// <summary>
    /// Reads X(i), Ids, Y, Saved and Dy, and adds to each Dx(i), or writes it where the frame says so. It skips a Dx(i)
    /// that is empty.
    /// </summary>
    void Backward(GpuFrame<T> f);
}

/// <summary>The GPU half of a routine.</summary>
public interface IGpuRoutine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Reads and writes X(i) as the routine documents.</summary>
    /// <returns>A sum or an index, or 0 where there is nothing to return.</returns>
    double Run(GpuFrame<T> f);
}

/// <summary>An op or a routine has no GPU half, and it was called on a GPU. The processor does not step in.</summary>
/// <param name="op">The name of the op or routine.</param>
/// <param name="device">The name of the device.</param>
public sealed class KernelMissingException(string op, string device)
    : Exception($"{op} has no kernel for {device}: add its half in {op}.Gpu.cs, or run on cpu");
