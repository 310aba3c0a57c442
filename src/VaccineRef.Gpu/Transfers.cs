using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime;

namespace VaccineRef.Gpu;

/// <summary>
/// Copies between host and device through page-locked memory, one chunk at a time. The memory is passed as a span, for
/// two reasons: ILGPU's copies of page-locked arrays take the whole array on OpenCL, whatever part they are given; and
/// the CUDA driver recognises the pages by their address.
/// </summary>
internal sealed class Transfers(Accelerator accelerator) : IDisposable
{
    private const int ChunkBytes = 4 << 20;
    private readonly PageLockedArray1D<byte> _chunk = accelerator.AllocatePageLocked1D<byte>(ChunkBytes);

    /// <summary>Copies to the device. The source may be reused when it returns.</summary>
    public void Upload<T>(ReadOnlySpan<T> source, ArrayView<T> destination) where T : unmanaged
    {
        int size = ChunkBytes / Unsafe.SizeOf<T>();
        for (int first = 0; first < source.Length; first += size)
        {
            int count = Math.Min(size, source.Length - first);
            source.Slice(first, count).CopyTo(Host<T>(count));
            destination.SubView(first, count).CopyFromCPU(accelerator.DefaultStream, (ReadOnlySpan<T>)Host<T>(count));
            accelerator.DefaultStream.Synchronize();
        }
    }

    /// <summary>Waits for the kernels launched so far and copies to the host.</summary>
    public void Download<T>(ArrayView<T> source, Span<T> destination) where T : unmanaged
    {
        int size = ChunkBytes / Unsafe.SizeOf<T>();
        for (int first = 0; first < destination.Length; first += size)
        {
            int count = Math.Min(size, destination.Length - first);
            source.SubView(first, count).CopyToCPU(accelerator.DefaultStream, Host<T>(count));
            accelerator.DefaultStream.Synchronize();
            Host<T>(count).CopyTo(destination.Slice(first, count));
        }
    }

    public void Dispose() => _chunk.Dispose();

    private Span<T> Host<T>(int count) where T : unmanaged =>
        MemoryMarshal.Cast<byte, T>(_chunk.Span)[..count];
}
