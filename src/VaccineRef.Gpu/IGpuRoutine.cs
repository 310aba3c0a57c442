using System.Numerics;

namespace VaccineRef.Gpu;

/// <summary>The GPU half of a routine.</summary>
public interface IGpuRoutine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Reads and writes X(i) as documented by the routine.</summary>
    /// <returns>A sum, an index, or 0 where there is nothing to return.</returns>
    double Run(GpuFrame<T> f);
}
