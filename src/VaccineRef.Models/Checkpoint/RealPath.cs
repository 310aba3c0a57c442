namespace VaccineRef.Models;

/// <summary>Where a path leads once every symbolic link on its way has been followed.</summary>
internal static class RealPath
{
    private const int MostLinks = 40;           // as Linux: a longer chain is a ring

    /// <summary>
    /// Whether a file of a folder leads out of it. The cache of the Hugging Face hub is no way out: there, a folder
    /// <c>snapshots/REVISION</c> holds links into <c>blobs</c> beside it.
    /// </summary>
    public static bool LeavesFolder(string folder, string file)
    {
        string home = Of(folder), real = Of(Path.Combine(folder, file));
        if (Path.GetDirectoryName(real) is not { } parent || parent == home)
            return false;
        bool isSnapshot = Path.GetFileName(Path.GetDirectoryName(home)) == "snapshots";
        string? cache = Path.GetDirectoryName(Path.GetDirectoryName(home));
        return !(isSnapshot && cache is not null && parent == Path.Combine(cache, "blobs"));
    }

    /// <summary>The path without symbolic links; what does not exist stands as it is written.</summary>
    /// <exception cref="CheckpointException">The links lead in a ring.</exception>
    public static string Of(string path)
    {
        var rest = new Stack<string>(Parts(Path.GetFullPath(path)));
        string real = Path.GetPathRoot(Path.GetFullPath(path))!;
        for (int links = 0; rest.TryPop(out string? part);)
        {
            string next = Path.GetFullPath(Path.Combine(real, part));
            string? target = new FileInfo(next).LinkTarget;
            if (target is null)
            {
                real = next;
                continue;
            }

            if (++links > MostLinks)
                throw new CheckpointException("a link leads back to itself", path, found: next);
            target = Path.GetFullPath(Path.Combine(real, target));
            real = Path.GetPathRoot(target)!;
            foreach (string piece in Parts(target))
                rest.Push(piece);
        }

        return real;
    }

    // From the last to the first, as a stack takes them.
    private static IEnumerable<string> Parts(string full) =>
        full[Path.GetPathRoot(full)!.Length..].Split(Path.DirectorySeparatorChar, StringSplitOptions.RemoveEmptyEntries)
            .Reverse();
}
