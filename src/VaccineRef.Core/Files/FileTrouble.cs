namespace VaccineRef.Core;

/// <summary>Says why a file cannot be written, in words that lead to a remedy.</summary>
public static class FileTrouble
{
    // errno of Linux and macOS, which .NET gives as the HResult; the last four are those of Windows.
    private const int NotPermitted = 1, AccessDenied = 13, IsFolder = 21, TooManyFiles = 24, NoSpace = 28,
        ReadOnly = 30, QuotaLinux = 122,
        QuotaMac = 69, WindowsDiskFull = unchecked((int)0x80070070), WindowsHandleDiskFull = unchecked((int)0x80070027),
        WindowsTooManyFiles = unchecked((int)0x80070004), WindowsProtected = unchecked((int)0x80070013);

    /// <summary>The error that tells the user what the system's error means for a file.</summary>
    /// <param name="what">What cannot be done, as one sentence without a full stop.</param>
    /// <param name="path">The file.</param>
    /// <param name="error">What the system said.</param>
    public static InputException Of(string what, string path, Exception error)
    {
        string full = Path.GetFullPath(path), folder = Path.GetDirectoryName(full) ?? full;
        string said = $"{error.Message} ({FreeSpace(folder)} free on that disk)";
        InputException Say(string found, string expected, string remedy) =>
            new(what, full, found, expected, remedy, error);

        return error.HResult switch
        {
            NoSpace or QuotaLinux or QuotaMac or WindowsDiskFull or WindowsHandleDiskFull => Say(
                $"no room is left: {said}", "room for the file", "free some space, or choose a place on another disk"),
            TooManyFiles or WindowsTooManyFiles => Say(
                $"too many open files: {error.Message}", "a few file descriptors more",
                "raise the limit (ulimit -n 1024), or let fewer stages run at once (--threads)"),
            ReadOnly or WindowsProtected => Say(
                $"a disk that is mounted read-only: {error.Message}", "a place where files may be written",
                "choose another place"),
            _ when Directory.Exists(full) => Say(
                $"a folder of that name: {error.Message}", "a file, or nothing",
                "move the folder away, or choose another name"),
            _ when error is UnauthorizedAccessException
                || error.HResult is NotPermitted or AccessDenied or IsFolder => Say(
                $"no right to write: {error.Message}", $"the right to make and rename files in {folder}",
                "change the rights of the folder (chmod u+rwx), or choose another place"),
            _ => Say(said, "room and the right to write there", "free some space or choose another place"),
        };
    }

    private static string FreeSpace(string folder)
    {
        try
        {
            return $"{new DriveInfo(folder).AvailableFreeSpace / 1e9:0.###} GB";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "an unknown amount";
        }
    }
}
