using System.Numerics;

namespace VaccineRef.Core;

/// <summary>
/// A processor with its memory. A device knows no op: it passes the operands of a call to the op's kernel for this kind
/// of device. If an op has no kernel for the device, that is an error; nothing falls back to another device.
/// </summary>
public abstract class Device : IDisposable
{
    /// <summary>The name on the command line, such as "cpu" or "cuda:0".</summary>
    public abstract string Name { get; }

    /// <summary>Allocates uninitialised memory, aligned to 64 bytes.</summary>
    /// <exception cref="InputException">
    /// There is not enough memory; the message says how much was asked for and how much there is.
    /// </exception>
    public abstract DeviceBuffer Reserve(long bytes);

    /// <summary>Sets every element to zero.</summary>
    public abstract void Clear<T>(View<T> view) where T : unmanaged;

    /// <summary>Sets every element to a value.</summary>
    public abstract void Fill<T>(View<T> view, T value) where T : unmanaged;

    /// <summary>Copies the elements of one view of this device into another of the same size.</summary>
    public abstract void Copy<T>(View<T> source, View<T> destination) where T : unmanaged;

    /// <summary>Copies values from the host into a view of this device.</summary>
    public abstract void Upload<T>(ReadOnlySpan<T> source, View<T> destination) where T : unmanaged;

    /// <summary>Copies the values of a view of this device to the host.</summary>
    public abstract void Download<T>(View<T> source, Span<T> destination) where T : unmanaged;

    /// <summary>Runs the op's forward kernel on the operands of a call.</summary>
    public abstract void Forward<T>(Op<T> op, Operands<T> operands) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Runs the op's backward kernel on the operands of a call.</summary>
    public abstract void Backward<T>(Op<T> op, Operands<T> operands) where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>Runs a routine on views of this device, in place.</summary>
    /// <returns>What the routine returns: a sum, an index, or 0.</returns>
    public abstract double Run<T>(Routine<T> routine, params ReadOnlySpan<View<T>> x)
        where T : unmanaged, IFloatingPointIeee754<T>;

    /// <summary>
    /// Waits until all work that was started is done. Only clocks need this: reading a result waits for it anyway.
    /// </summary>
    public abstract void Synchronize();

    /// <inheritdoc/>
    public abstract void Dispose();
}
