namespace VaccineRef.Core;

/// <summary>
/// Every change to a file of a run passes here, so that a test can let any one of them fail, or can end the program
/// before it.
/// </summary>
public static class FileChanges
{
    // More than the windows in which tensors are written, so that small files are one write.
    private const int BufferBytes = 1 << 16;

    // Follows the flow of one caller into the threads that it starts; nobody else sees it.
    private static readonly AsyncLocal<Action<FileChange, string>?> Before = new();

    /// <summary>
    /// Calls <paramref name="before"/> before every change that is made from here on, until what is returned is
    /// disposed.
    /// </summary>
    /// <param name="before">
    /// Receives the change and the path. What it throws is what the change throws; nothing is changed then.
    /// </param>
    public static IDisposable Watch(Action<FileChange, string> before)
    {
        Before.Value = before;
        return new End();
    }

    /// <summary>Writes a new file, to the disk.</summary>
    /// <param name="path">The file, which must not exist.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="IOException">The disk is full, or the file exists.</exception>
    /// <exception cref="UnauthorizedAccessException">Nothing may be written there.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        Tell(FileChange.Open, path);
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0);
        using (var buffered = new BufferedStream(new Watched(file, path), BufferBytes))
        {
            write(buffered);
            buffered.Flush();
            Tell(FileChange.Flush, path);
            file.Flush(flushToDisk: true);
        }
    }

    /// <summary>Opens a file to write behind its end; each write is given to the system at once.</summary>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">Nothing may be written there.</exception>
    public static Stream Append(string path)
    {
        Tell(FileChange.Open, path);
        var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.Read, bufferSize: 0);
        file.Seek(0, SeekOrigin.End);
        return new Watched(file, path);
    }

    /// <summary>Makes a folder, with those above it; one that exists stays as it is.</summary>
    public static void MakeFolder(string path)
    {
        if (Directory.Exists(path))
            return;
        Tell(FileChange.MakeFolder, path);
        Directory.CreateDirectory(path);
    }

    /// <summary>Renames a file; one that has the new name is replaced in the same moment.</summary>
    public static void Move(string from, string to)
    {
        Tell(FileChange.Rename, to);
        File.Move(from, to, overwrite: true);
    }

    /// <summary>Renames a folder.</summary>
    public static void MoveFolder(string from, string to)
    {
        Tell(FileChange.Rename, to);
        Directory.Move(from, to);
    }

    /// <summary>Removes a file; none, no error.</summary>
    /// <exception cref="InputException">It cannot be removed.</exception>
    public static void Delete(string path)
    {
        if (File.Exists(path))
            Remove(path, File.Delete);
    }

    /// <summary>Removes a folder that is empty.</summary>
    /// <returns>Whether it was empty.</returns>
    /// <exception cref="InputException">It cannot be removed.</exception>
    public static bool DeleteEmptyFolder(string path)
    {
        if (!Directory.Exists(path) || Directory.EnumerateFileSystemEntries(path).Any())
            return false;
        Remove(path, Directory.Delete);
        return true;
    }

    /// <summary>
    /// Removes a folder with all that is in it: one that the program made under a name that nobody else uses.
    /// </summary>
    /// <exception cref="InputException">It cannot be removed.</exception>
    public static void DeleteFolder(string path)
    {
        if (Directory.Exists(path))
            Remove(path, each => Directory.Delete(each, recursive: true));
    }

    private static void Remove(string path, Action<string> remove)
    {
        try
        {
            Tell(FileChange.Delete, path);
            remove(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw FileTrouble.Of("a file cannot be removed", path, error);
        }
    }

    private static void Tell(FileChange change, string path) => Before.Value?.Invoke(change, path);

    private sealed class End : IDisposable
    {
        public void Dispose() => Before.Value = null;
    }

    /// <summary>A file whose writes are told of.</summary>
    private sealed class Watched(FileStream file, string path) : Stream
    {
        public override bool CanRead => false;

        public override bool CanSeek => file.CanSeek;

        public override bool CanWrite => true;

        public override long Length => file.Length;

        public override long Position { get => file.Position; set => file.Position = value; }

        public override void Write(ReadOnlySpan<byte> buffer)
        {
            Tell(FileChange.Write, path);
            file.Write(buffer);
        }

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override void Flush() => file.Flush();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => file.Seek(offset, origin);

        public override void SetLength(long value) => file.SetLength(value);

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                file.Dispose();
            base.Dispose(disposing);
        }
    }
}
