using Microsoft.Win32.SafeHandles;

namespace VaccineRef.Core;

/// <summary>
/// A file that is open for reading, from any place in it. Nothing of it is held in memory but what the caller asks for,
/// so that a checkpoint larger than the memory can be read. If it is shortened meanwhile, reading what is gone is an
/// error.
/// </summary>
public sealed class OpenedFile : IDisposable
{
    private readonly SafeFileHandle _file;

    /// <summary>Opens the file. An empty file is legal.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The file is a folder, or reading it is not allowed.</exception>
    public OpenedFile(string path)
    {
        // Delete is shared so that a writer may rename a new file over the one that is open.
        _file = File.OpenHandle(path, share: FileShare.Read | FileShare.Delete);
        Length = RandomAccess.GetLength(_file);
    }

    /// <summary>The length of the file in bytes when it was opened.</summary>
    public long Length { get; }

    /// <summary>Reads a part of the file. Several threads may read at once.</summary>
    /// <param name="offset">First byte of the part.</param>
    /// <param name="to">Receives the bytes; all of them are filled.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part reaches outside the file.</exception>
    /// <exception cref="IOException">The disk failed, or the file was shortened after it was opened.</exception>
    /// <exception cref="ObjectDisposedException">The file is no longer open.</exception>
    public void Read(long offset, Span<byte> to)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Length - to.Length);
        while (!to.IsEmpty)
        {
            int read = RandomAccess.Read(_file, to, offset);
            if (read == 0)
                throw new EndOfStreamException(
                    $"the file ends at byte {offset}; it had {Length} bytes when it was opened");
            offset += read;
            to = to[read..];
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();
}
