using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// Where memory lies and work is done. A device knows nothing of any particular op: it hands an op a frame of its own kind, and the
/// op brings the kernel. A device an op has no kernel for is an error, never a fallback.
/// </summary>
public abstract class Device : IDisposable
{
    /// <summary>The name on the command line: "cpu", "cuda:0", ...</summary>
    public abstract string Name { get; }

    /// <summary>Takes uninitialised memory, 64-byte aligned.</summary>
    /// <exception cref="InputException">Out of memory; names what was asked for and what there is.</exception>
    public abstract DeviceBuffer Reserve(long bytes);

    /// <summary>Sets every element to zero.</summary>
    public abstract void Clear<T>(View<T> view) where T : unmanaged;

    /// <summary>Sets every element to a value.</summary>
    public abstract void Fill<T>(View<T> view, T value) where T : unmanaged;

    /// <summary>Copies between two views of this device with the same number of elements.</summary>
    public abstract void Copy<T>(View<T> source, View<T> destination) where T : unmanaged;

    /// <summary>Copies values from the host into a view of this device.</summary>
    public abstract void Upload<T>(ReadOnlySpan<T> source, View<T> destination) where T : unmanaged;

    /// <summary>Copies the values of a view of this device to the host.</summary>
    public abstract void Download<T>(View<T> source, Span<T> destination) where T : unmanaged;

    /// <summary>Runs the op's forward kernel on the call's operands.</summary>
    public abstract void Forward<T>(Op<T> op, Operands<T> operands) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Runs the op's backward kernel on the call's operands.</summary>
    public abstract void Backward<T>(Op<T> op, Operands<T> operands) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Runs a routine on views of this device, in place.</summary>
    /// <returns>What the routine returns: a sum, an index, or 0.</returns>
    public abstract double Run<T>(Routine<T> routine, params ReadOnlySpan<View<T>> x) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Waits until everything begun is done; for clocks, since whoever reads a result waits for it anyway.</summary>
    public abstract void Synchronize();

    /// <inheritdoc/>
    public abstract void Dispose();
}
