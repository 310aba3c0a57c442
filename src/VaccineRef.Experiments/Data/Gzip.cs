using System.Buffers.Binary;
using System.IO.Compression;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Opens gzip. Several members one after the other are one content, and zeros behind the last are padding, as for the
/// program gzip.
/// </summary>
internal static class Gzip
{
    private const int ShortestMember = 18;      // 10 bytes of header, 8 of trailer
    private const int Trailer = 8;              // CRC-32 and length of the member's content

    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(value => Enumerable.Range(0, 8)
        .Aggregate((uint)value, (crc, _) => (crc >> 1) ^ ((crc & 1) * 0xEDB88320)))];

    public static bool Is(ReadOnlySpan<byte> stored) => stored is [0x1F, 0x8B, ..];

    /// <exception cref="DataException">It is no whole gzip.</exception>
    public static byte[] Open(byte[] stored, string file)
    {
        if (stored.Length < ShortestMember)
            throw Broken(file, $"{stored.Length} bytes");
        byte[] content = Decompress(stored, file);
        return IsWhole(stored, content)
            ? content
            : throw Broken(file, $"{content.Length} bytes inside {stored.Length}, whose last member is cut");
    }

    /// <summary>
    /// Whether the last member is all there. The decompressor reads a cut file without complaint as far as it goes, so
    /// the CRC and the length at the file's end are compared with the end of the content.
    /// </summary>
    private static bool IsWhole(ReadOnlySpan<byte> stored, ReadOnlySpan<byte> content)
    {
        for (int end = stored.Length; end >= ShortestMember; end--)
        {
            uint crc = BinaryPrimitives.ReadUInt32LittleEndian(stored[(end - Trailer)..]);
            uint length = BinaryPrimitives.ReadUInt32LittleEndian(stored[(end - 4)..]);
            if (length > 0 && length <= (uint)content.Length && Crc(content[^(int)length..]) == crc)
                return true;
            if (crc == 0 && length == 0 && (content.IsEmpty || stored[..(end - Trailer)].EndsWith((ReadOnlySpan<byte>)[0x03, 0x00])))
                return true;                    // a last member without content
            if (stored[end - 1] != 0)
                return false;
        }

        return false;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
            crc = Table[(byte)(crc ^ value)] ^ (crc >> 8);
        return ~crc;
    }

    private static byte[] Decompress(byte[] stored, string file)
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
            throw Broken(file, error.Message, error);
        }
    }

    private static DataException Broken(string file, string found, Exception? inner = null) => new(
        "a gzip file is broken", file, found: found, expected: "one or more whole gzip members", remedy: "fetch the file again", inner: inner);
}
