using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Data;

/// <summary>Opens what is compressed, which the first bytes tell. Nothing is decompressed before it is read.</summary>
internal static class Compression
{
    /// <summary>The extensions that tell of a compression and not of a format.</summary>
    public static readonly string[] Extensions = [".gz", ".xz", ".zst"];

    private const int LongestMagic = 10;

    /// <summary>The content, and what it is compressed with; null where it is not compressed.</summary>
    /// <exception cref="DataException">The name says that it is compressed, and it is not.</exception>
    public static (Stream Content, string? Kind) Open(PeekStream stored, string file)
    {
        string? kind = stored.Peek(LongestMagic) switch
        {
            [0x1F, 0x8B, ..] => "gzip",
            [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0x00, ..] => "xz",
            // the latter is a skippable frame
            [0x28, 0xB5, 0x2F, 0xFD, ..] or [>= 0x50 and <= 0x5F, 0x2A, 0x4D, 0x18, ..] => "zstd",
            _ => null,
        };
        Refuse(stored, file);
        string extension = Path.GetExtension(file).ToLowerInvariant();
        if (kind is null && Extensions.Contains(extension))
            throw new DataException(
                "a data file is not what its name says", file,
                found: stored.Peek(1).IsEmpty ? "0 bytes" : "other first bytes",
                expected: extension switch { ".gz" => "gzip (first bytes 1F 8B)", ".xz" => "xz (first bytes FD 37 7A 58 5A 00)", _ => "zstd (first bytes 28 B5 2F FD)" });
        return kind switch
        {
            "gzip" => (new Guarded(new GzipStream(stored), kind, file), kind),
            "xz" => (new Guarded(new XzStream(stored, file), kind, file), kind),
            "zstd" => (new Guarded(new ZstdSharp.DecompressionStream(stored, leaveOpen: true), kind, file), kind),
            _ => (stored, null),
        };
    }

    /// <summary>Refuses by its name what holds data in a way that is not read.</summary>
    private static void Refuse(PeekStream stored, string file)
    {
        string? kind = stored.Peek(LongestMagic) switch
        {
            [(byte)'B', (byte)'Z', (byte)'h', _, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59, ..] => "bzip2",
            [(byte)'P', (byte)'K', 0x03, 0x04, ..] => "a zip archive",
            [(byte)'7', (byte)'z', 0xBC, 0xAF, 0x27, 0x1C, ..] => "a 7z archive",
            [0x5D, 0x00, 0x00, ..] => "lzma without xz",
            [(byte)'A', (byte)'R', (byte)'R', (byte)'O', (byte)'W', (byte)'1', 0x00, 0x00, ..] => "an Arrow file",
            _ => null,
        };
        if (kind is not null)
            throw new DataException(
                "a data file is of a kind that is not read", file, found: kind,
                expected: "JSON, CSV, TSV, Parquet or text, perhaps in gzip, xz or zstd",
                remedy: "unpack or convert it");
        var start = stored.Peek(GitLfsPointer.Longest);
        if (GitLfsPointer.Is(start, start.Length))
            throw new DataException(
                GitLfsPointer.What, file, found: GitLfsPointer.Found(start), expected: "the data file",
                remedy: GitLfsPointer.Remedy);
    }

    /// <summary>Whatever a decompressor throws means that the file is broken.</summary>
    private sealed class Guarded(Stream inner, string kind, string file) : ReadStream
    {
        public override int Read(Span<byte> buffer)
        {
            try
            {
                return inner.Read(buffer);
            }
            catch (Exception error) when (error is not (InputException or OutOfMemoryException
                or OperationCanceledException))
            {
                throw new DataException(
                    $"a {kind} file is broken", file, found: error is ArgumentException
                        ? "something that cannot be, or the end of the file too early"
                        : error.Message,
                    expected: $"whole {kind}", remedy: "fetch the file again", inner: error);
            }
        }

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                inner.Dispose();
            base.Dispose(disposing);
        }
    }
}
