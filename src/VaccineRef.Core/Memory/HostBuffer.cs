using System.Runtime.InteropServices;

namespace VaccineRef.Core;

/// <summary>Host memory outside the managed heap, aligned to 64 bytes (a cache line and a Vector512), uninitialised.</summary>
public sealed unsafe class HostBuffer : DeviceBuffer
{
    /// <summary>Alignment of every buffer and of every view that an arena hands out.</summary>
    public const int Alignment = 64;

    private byte* _address;

    /// <summary>Takes <paramref name="bytes"/> bytes from the operating system.</summary>
    /// <exception cref="InputException">The machine does not have that much memory.</exception>
    public HostBuffer(long bytes) : base(bytes)
    {
        try
        {
            _address = (byte*)NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, Alignment), Alignment);
        }
        catch (OutOfMemoryException error)
        {
            throw new InputException(
                "not enough memory", "cpu", $"{bytes / (1024.0 * 1024):F0} MiB asked for in one piece",
                $"at most {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024):F0} MiB on this machine",
                "a smaller batch, a shorter maximum length or a smaller model", error);
        }
    }

    /// <summary>Frees what a forgotten Dispose left.</summary>
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
