using System.IO.MemoryMappedFiles;

namespace VaccineRef.Core;

/// <summary>
/// A file mapped read-only into memory. The operating system reads its pages when they are used, so that a checkpoint larger
/// than the memory can be opened. Nobody may shorten the file while it is mapped.
/// </summary>
public sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly byte* _start;
    private bool _disposed;

    /// <summary>Maps the whole file. An empty file is legal.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file is a folder, or reading it is not allowed.</exception>
    public MappedFile(string path)
    {
        // Delete is shared so that a writer may rename a new file over the one that is mapped.
        using var handle = File.OpenHandle(path, share: FileShare.Read | FileShare.Delete);
        Length = RandomAccess.GetLength(handle);
        if (Length == 0)
            return;
        _file = MemoryMappedFile.CreateFromFile(
            handle, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
        _view = _file.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
    }

    /// <summary>The length of the file in bytes when it was mapped.</summary>
    public long Length { get; }

    /// <summary>A part of the file. It must not be used after <see cref="Dispose"/>.</summary>
    /// <param name="offset">First byte of the window.</param>
    /// <param name="length">Bytes in the window.</param>
    /// <exception cref="ArgumentOutOfRangeException">The window reaches outside the file.</exception>
    /// <exception cref="ObjectDisposedException">The file is no longer mapped.</exception>
    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - length);
        return new ReadOnlySpan<byte>(_start + offset, length);
    }

    /// <summary>Unmaps the file.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _file?.Dispose();
    }
}
