using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// A file as it is stored (its hash and its size), and its content. If the file is compressed with gzip, the content is
/// what was compressed.
/// </summary>
internal sealed class StoredFile
{
    private const int ShortestGzip = 18;    // 10 bytes of header, 8 of trailer

    private StoredFile(string path, byte[] stored)
    {
        Name = Path.GetFileName(path);
        Bytes = stored.LongLength;
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(stored));
        IsGzip = stored is [0x1F, 0x8B, ..];
        Content = IsGzip ? Gunzip(stored) : stored;
    }

    public string Name { get; }

    public long Bytes { get; }

    public string Sha256 { get; }

    public bool IsGzip { get; }

    public ReadOnlyMemory<byte> Content { get; }

    /// <summary>The extension from which the format is told: in lower case, with the dot, and without ".gz".</summary>
    public string Extension
    {
        get
        {
            string name = Name.ToLowerInvariant();
            return Path.GetExtension(name.EndsWith(".gz", StringComparison.Ordinal) ? name[..^3] : name);
        }
    }

    public static StoredFile Load(string path)
    {
        StoredFile file;
        try
        {
            file = new StoredFile(path, File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException("a data file cannot be read", path, found: error.Message, inner: error);
        }

        if (!file.IsGzip && path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
            throw new DataException(
                "a data file is not what its name says", path,
                expected: "gzip (first bytes 1F 8B)");
        return file;
    }

    /// <summary>The content as UTF-8, without a byte-order mark.</summary>
    /// <exception cref="DataException">Some bytes are not valid UTF-8.</exception>
    public ReadOnlyMemory<byte> Utf8()
    {
        var text = Content.Span.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? Content[3..] : Content;
        if (System.Text.Unicode.Utf8.IsValid(text.Span))
            return text;

        var rest = text.Span;
        while (Rune.DecodeFromUtf8(rest, out _, out int length) == OperationStatus.Done)
            rest = rest[length..];
        int line = text.Span[..^rest.Length].Count((byte)'\n') + 1;
        throw new DataException(
            "a data file is not UTF-8", Name, line, found: $"byte 0x{rest[0]:X2} at line {line}", expected: "UTF-8",
            remedy: "convert the file to UTF-8");
    }

    // A file that was cut off decompresses without an error as far as it goes. So the length in its last four bytes is
    // compared with what came out.
    private byte[] Gunzip(byte[] stored)
    {
        if (stored.Length < ShortestGzip)
            throw new DataException("a gzip file is broken", Name, found: $"{stored.Length} bytes");
        byte[] content = Decompress(stored);
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(stored.AsSpan(^4..));
        return length == (uint)content.Length
            ? content
            : throw new DataException(
                "a gzip file is broken", Name, found: $"{content.Length} bytes inside {stored.Length}",
                expected: $"the length in the file's last bytes, {length}",
                remedy: "fetch the file again; if it holds several gzip members, compress it as one");
    }

    private byte[] Decompress(byte[] stored)
    {
        try
        {
            using var source = new GZipStream(new MemoryStream(stored), CompressionMode.Decompress);
            using var content = new MemoryStream();
            source.CopyTo(content);
            return content.ToArray();
        }
        catch (InvalidDataException error)
        {
            throw new DataException("a gzip file is broken", Name, found: error.Message, inner: error);
        }
    }
}
