using System.IO.Compression;
using System.Text;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>A file that a test writes, in a folder of its own. Both are deleted after the test.</summary>
internal sealed class TempFile : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("vaccineref-");

    public TempFile(string name, byte[] content)
    {
        Path = System.IO.Path.Combine(_folder.FullName, name);
        File.WriteAllBytes(Path, content);
    }

    public TempFile(string name, string content)
        : this(name, Encoding.UTF8.GetBytes(content))
    {
    }

    public string Path { get; }

    public static byte[] Gzip(string content)
    {
        using var stored = new MemoryStream();
        using (var gzip = new GZipStream(stored, CompressionLevel.Fastest))
            gzip.Write(Encoding.UTF8.GetBytes(content));
        return stored.ToArray();
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
