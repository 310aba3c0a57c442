using System.Buffers;
using System.Security.Cryptography;
using System.Text;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// A file as it is stored (its hash and its size), and its content. If the file is compressed with gzip, the content is
/// what was compressed.
/// </summary>
internal sealed class StoredFile
{
    private ReadOnlyMemory<byte>? _text;

    private StoredFile(string path, byte[] stored)
    {
        Name = Path.GetFileName(path);
        Bytes = stored.LongLength;
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(stored));
        IsGzip = Gzip.Is(stored);
        Content = IsGzip ? Gzip.Open(stored, Name) : stored;
    }

    /// <summary>The byte-order mark of UTF-8.</summary>
    public static ReadOnlySpan<byte> Mark => [0xEF, 0xBB, 0xBF];

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
        if (Directory.Exists(path))
            throw new DataException(
                "a folder stands where a data file belongs", path, found: Inside(path), expected: "a file",
                remedy: "name one of the files inside");
        StoredFile file;
        try
        {
            file = new StoredFile(path, File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataException("a data file cannot be read", path, found: error.Message, expected: "a file that can be read", inner: error);
        }

        if (!file.IsGzip && path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))
            throw new DataException(
                "a data file is not what its name says", path,
                expected: "gzip (first bytes 1F 8B)");
        return file;
    }

    private static string Inside(string folder)
    {
        string[] files = [.. Directory.GetFiles(folder).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal)];
        return files.Length == 0
            ? "a folder without files"
            : $"a folder that holds {string.Join(", ", files.Take(5))}{(files.Length > 5 ? ", ..." : "")}";
    }

    /// <summary>The content as UTF-8 without its byte-order mark.</summary>
    /// <exception cref="DataException">Some bytes are no UTF-8, or no text.</exception>
    public ReadOnlyMemory<byte> Utf8()
    {
        if (_text is { } known)
            return known;
        RequireUtf8Marks();
        var text = Content.Span.StartsWith(Mark) ? Content[Mark.Length..] : Content;
        if (!System.Text.Unicode.Utf8.IsValid(text.Span))
            throw NoUtf8(text.Span);
        if (text.Span.IndexOf((byte)0) is >= 0 and var zero)
        {
            var place = TextPlace.Of(text.Span, zero);
            throw new DataException(
                "a data file holds a NUL byte", Name, place.Line, found: $"byte 0x00 at {place}", expected: "text",
                remedy: "remove it; a file that ends in such bytes was not written to its end");
        }

        for (int at = 0; text.Span[at..].IndexOf(Mark) is >= 0 and var next; at += next + Mark.Length)
            if (at + next == 0 || text.Span[at + next - 1] is (byte)'\n' or (byte)'\r')
                throw MarkInside(Name, TextPlace.Of(text.Span, at + next));
        _text = text;
        return text;
    }

    /// <summary>The error that a byte-order mark stands inside a text, where files were put together.</summary>
    public static DataException MarkInside(string file, TextPlace place) => new(
        "a byte-order mark stands inside a data file", file, place.Line, found: $"U+FEFF at {place}",
        expected: "one at the beginning, or none", remedy: "remove it: files that were put together keep their marks");

    private void RequireUtf8Marks()
    {
        var start = Content.Span;
        bool marked = start is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];
        if (marked || start is [0, not 0, ..] or [not 0, 0, not 0, 0, ..])
            throw new DataException(
                "a data file is UTF-16, not UTF-8", Name, 1,
                found: marked ? "a byte-order mark of UTF-16 at line 1, column 1" : "a zero in every second byte from line 1, column 1",
                expected: "UTF-8", remedy: "convert the file to UTF-8, as with iconv -f UTF-16 -t UTF-8");
    }

    private DataException NoUtf8(ReadOnlySpan<byte> text)
    {
        var rest = text;
        while (Rune.DecodeFromUtf8(rest, out _, out int length) == OperationStatus.Done)
            rest = rest[length..];
        var place = TextPlace.Of(text, text.Length - rest.Length);
        return new(
            "a data file is not UTF-8", Name, place.Line, found: $"byte 0x{rest[0]:X2} at {place}", expected: "UTF-8",
            remedy: "convert the file to UTF-8");
    }
}
