using System.Security.Cryptography;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// A data file that is read once, from its beginning to its end: what is stored goes through its hash, and what was
/// compressed comes out of it.
/// </summary>
internal sealed class StoredFile : IDisposable
{
    /// <summary>The most bytes of one row of text. No memory is taken for a longer one.</summary>
    public const int LongestRow = 1 << 23;

    /// <summary>The most bytes of a JSON file that is one object, and so must be read whole.</summary>
    public const int LongestObject = 1 << 27;

    private readonly PeekStream _stored;
    private readonly PeekStream _content;
    private readonly SHA256 _hash = SHA256.Create();
    private TextStream? _text;

    private StoredFile(string path, CancellationToken cancel)
    {
        Name = Path.GetFileName(path);
        _stored = new(new CryptoStream(File.OpenRead(path), _hash, CryptoStreamMode.Read), cancel);
        try
        {
            (var content, Compressed) = Compression.Open(_stored, Name);
            _content = content == _stored ? _stored : new(content, cancel);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The name without folders.</summary>
    public string Name { get; }

    /// <summary>What the file is compressed with; null for nothing.</summary>
    public string? Compressed { get; }

    /// <summary>
    /// The extension from which the format is told: in lower case, with the dot, and without that of a compression.
    /// </summary>
    public string Extension => ExtensionOf(Name);

    /// <summary>Whether it begins as Parquet does.</summary>
    public bool IsParquet => _content.Peek(4).SequenceEqual("PAR1"u8);

    /// <summary>The content as text, which is checked as it is read.</summary>
    public TextStream Text => _text ??= new(_content, Name);

    /// <summary>The extension of a data file.</summary>
    public static string ExtensionOf(string path)
    {
        string name = path.ToLowerInvariant();
        return Path.GetExtension(
            Compression.Extensions.Contains(Path.GetExtension(name)) ? Path.ChangeExtension(name, null) : name);
    }

    /// <exception cref="DataException">The file cannot be read, or is not what its name says.</exception>
    public static StoredFile Open(string path, CancellationToken cancel = default)
    {
        if (Directory.Exists(path))
            throw new DataException(
                "a folder stands where a data file belongs", path, found: Inside(path), expected: "a file",
                remedy: "name one of the files inside");
        try
        {
            return new StoredFile(path, cancel);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException(
                "a data file cannot be read", path, found: error.Message, expected: "a file that can be read",
                inner: error);
        }
    }

    /// <summary>The whole content, for a format that is not read row by row.</summary>
    /// <exception cref="DataException">It is larger than an array can be.</exception>
    public MemoryStream Whole()
    {
        var whole = new MemoryStream();
        try
        {
            _content.CopyTo(whole);
        }
        catch (IOException error)
        {
            throw new DataException(
                "a data file is too large", Name, found: error.Message, expected: $"at most {Array.MaxLength} bytes",
                inner: error);
        }

        whole.Position = 0;
        return whole;
    }

    /// <summary>Reads what is left, and says what the file was: its hash and its size as it is stored.</summary>
    public (string Sha256, long Bytes) Finish()
    {
        _stored.CopyTo(Stream.Null);
        return (Convert.ToHexStringLower(_hash.Hash!), _stored.Count);
    }

    public void Dispose()
    {
        _content?.Dispose();
        _stored.Dispose();
        _hash.Dispose();
    }

    private static string Inside(string folder)
    {
        string[] files = [.. Directory.GetFiles(folder).Select(file => Path.GetFileName(file))
            .Order(StringComparer.Ordinal)];
        return files.Length == 0
            ? "a folder without files"
            : $"a folder that holds {string.Join(", ", files.Take(5))}{(files.Length > 5 ? ", ..." : "")}";
    }
}
