using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// A computation in place, outside the tape: an optimiser's update, a norm, a fill. It has no derivative. Like an op it owns its
/// kernels and is run by a device.
/// </summary>
public abstract class Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name in messages and profiles.</summary>
    public abstract string Name { get; }

    /// <summary>Reads and writes X(i) as documented by the routine.</summary>
    /// <returns>A sum, an index, or 0 where there is nothing to return.</returns>
    public abstract double Run(CpuFrame<T> f);
}
