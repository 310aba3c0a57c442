using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// A computation outside the tape that works in place, such as an optimizer's update, a norm or a fill. It has no
/// derivative. Like an op it brings its own kernels and is run by a device.
/// </summary>
public abstract class Routine<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The name in messages and profiles.</summary>
    public abstract string Name { get; }

    /// <summary>Reads and writes the views X(i), each as the routine documents.</summary>
    /// <returns>The routine's result, such as a sum or an index; 0 if it has none.</returns>
    public abstract double Run(CpuFrame<T> f);
}
