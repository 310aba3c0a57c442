namespace VaccineRef.Core;

/// <summary>A region of one device's memory. Host memory has an address; memory elsewhere is known to its device alone.</summary>
public abstract unsafe class DeviceBuffer(long bytes) : IDisposable
{
    /// <summary>Size in bytes.</summary>
    public long Bytes { get; } = bytes;

    /// <summary>First byte in host memory, or null when the memory lies on another device.</summary>
    public virtual byte* HostAddress => null;

    /// <inheritdoc/>
    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    /// <summary>Gives the memory back; called once.</summary>
    protected abstract void Free();
}
