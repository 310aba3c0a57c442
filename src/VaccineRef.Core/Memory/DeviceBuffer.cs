using System.Runtime.InteropServices;

namespace VaccineRef.Core;

/// <summary>
/// A region of memory on one device. Only host memory has an address; other memory is accessed by its device.
/// </summary>
public abstract unsafe class DeviceBuffer(long bytes) : IDisposable
{
    /// <summary>The size in bytes.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>The address of the first byte in host memory; null if the memory is on another device.</summary>
    public virtual byte* HostAddress => null;

    /// <summary>Whether the memory has been given back.</summary>
    public bool IsFreed { get; private set; }

    /// <summary>
    /// Told by an arena that it has handed out the bytes before <paramref name="end"/>. Memory needs no telling.
    /// </summary>
    public virtual void Use(long end)
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (IsFreed)
            return;
        IsFreed = true;
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the memory back. Called once.</summary>
    protected abstract void Free();
}

/// <summary>
/// Uninitialised host memory outside the managed heap, aligned to a cache line (64 bytes, also the size of a
/// Vector512).
/// </summary>
public sealed unsafe class HostBuffer : DeviceBuffer
{
    /// <summary>The alignment in bytes of every buffer and of every view that an arena hands out.</summary>
    public const int Alignment = 64;

    private byte* _address;

    /// <summary>Allocates <paramref name="bytes"/> bytes.</summary>
    /// <exception cref="InputException">The machine does not have that much memory.</exception>
    public HostBuffer(long bytes) : base(bytes)
    {
        try
        {
            _address = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, Alignment), Alignment);
        }
        catch (OutOfMemoryException error)
        {
            throw MemoryTrouble.Of("cpu", bytes, error);
        }
    }

    /// <summary>Frees the memory if nobody called Dispose.</summary>
    ~HostBuffer() => Free();

    /// <inheritdoc/>
    public override byte* HostAddress => _address;

    /// <inheritdoc/>
    protected override void Free()
    {
        NativeMemory.AlignedFree(_address);
        _address = null;
    }
}
