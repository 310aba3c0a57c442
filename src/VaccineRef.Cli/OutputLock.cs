using VaccineRef.Core;

namespace VaccineRef.Cli;

/// <summary>
/// Holds an output folder for one process: a file in it is kept open, and the system refuses to open it a second time.
/// The system lets go when the process ends, however it ends, so a file that a killed process left behind stops nobody.
/// </summary>
internal sealed class OutputLock : IDisposable
{
    /// <summary>The name of the file.</summary>
    public const string FileName = ".vaccine.lock";

    // what the systems say of a file that another process holds: EWOULDBLOCK twice, and a violation of sharing
    private const int HeldLinux = 11, HeldMac = 35, HeldWindows = unchecked((int)0x80070020);

    private readonly Stack<string> _made = [];
    private readonly FileStream _file;

    /// <summary>Takes a folder, and makes it first where it does not exist.</summary>
    /// <exception cref="InputException">Another process holds the folder, or it cannot be written.</exception>
    public OutputLock(string folder)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)), path = Path.Combine(full, FileName);
        // What does not exist yet is noted from the inside to the outside, and lies in the stack the other way round.
        var missing = new List<string>();
        for (string? at = full; at is not null && !Directory.Exists(at); at = Path.GetDirectoryName(at))
            missing.Insert(0, at);
        try
        {
            foreach (string each in missing)
            {
                Directory.CreateDirectory(each);
                _made.Push(each);
            }

            _file = new(
                path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            TakeBack();
            throw error.HResult is HeldLinux or HeldMac or HeldWindows
                ? new InputException(
                    "another process is writing to the output folder", folder, $"{FileName}, held by that process",
                    "a folder that no process writes to",
                    "wait until that process has ended, or choose another --out", error)
                : FileTrouble.Of("the output folder cannot be written", path, error);
        }
    }

    /// <summary>Lets go of the folder. Folders that were made for it and hold nothing are removed again.</summary>
    public void Dispose()
    {
        _file.Dispose();
        TakeBack();
    }

    private void TakeBack()
    {
        while (_made.TryPop(out string? made) && Directory.Exists(made)
            && !Directory.EnumerateFileSystemEntries(made).Any())
            Directory.Delete(made);
    }
}
