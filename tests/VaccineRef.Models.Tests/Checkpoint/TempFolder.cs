namespace VaccineRef.Models.Tests;

/// <summary>A folder for the files of one test; gone afterwards.</summary>
internal sealed class TempFolder : IDisposable
{
    // In memory where the system offers it: every file written is flushed to its disk, thousands of times in these
    // tests.
    private const string Memory = "/dev/shm";

    private readonly DirectoryInfo _folder = Directory.Exists(Memory)
        ? Directory.CreateDirectory(System.IO.Path.Combine(Memory, $"vaccineref-{Guid.NewGuid():N}"))
        : Directory.CreateTempSubdirectory("vaccineref-");

    public string Path => _folder.FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Write(string name, byte[] bytes)
    {
        System.IO.File.WriteAllBytes(File(name), bytes);
        return File(name);
    }

    public string Write(string name, string text)
    {
        System.IO.File.WriteAllText(File(name), text);
        return File(name);
    }

    /// <summary>The names of all files, hidden ones included.</summary>
    public string[] Names() =>
        [.. _folder.EnumerateFileSystemInfos().Select(info => info.Name).Order(StringComparer.Ordinal)];

    public void Dispose() => _folder.Delete(recursive: true);
}
