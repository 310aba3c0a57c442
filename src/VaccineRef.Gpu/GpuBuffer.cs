using ILGPU;
using ILGPU.Runtime;
using VaccineRef.Core;

namespace VaccineRef.Gpu;

/// <summary>One allocation in a GPU's memory, uninitialised.</summary>
internal sealed class GpuBuffer(GpuDevice device, MemoryBuffer1D<byte, Stride1D.Dense> memory, long bytes)
    : DeviceBuffer(bytes)
{
    /// <summary>The part of the buffer that a view describes.</summary>
    /// <exception cref="ObjectDisposedException">The memory has been freed.</exception>
    public ArrayView<T> View<T>(long offset, long count) where T : unmanaged => IsFreed
        ? throw new ObjectDisposedException(nameof(Arena), "This view is void: its memory has been freed.")
        : memory.View.BaseView.Cast<T>().SubView(offset, count);

    /// <summary>
    /// Waits for the kernels that may still use the memory, and frees it. That of a device that was lost is gone
    /// already.
    /// </summary>
    protected override void Free()
    {
        GpuDevice.End(device.Synchronize, memory.Dispose);
        device.Released(Bytes);
    }
}
