using System.Buffers.Binary;
using ICSharpCode.SharpZipLib.Checksum;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>Compresses contents for tests.</summary>
internal static class Compressed
{
    /// <summary>The extensions of everything that can be read, "" for what is not compressed.</summary>
    public static string[] Extensions { get; } = ["", ".gz", ".xz", ".zst"];

    public static byte[] As(string extension, byte[] content) => extension switch
    {
        ".gz" => Gzip(content),
        ".xz" => Xz(content),
        ".zst" => Zstd(content),
        _ => content,
    };

    public static byte[] Gzip(byte[] content)
    {
        using var stored = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(stored, System.IO.Compression.CompressionLevel.Fastest))
            gzip.Write(content);
        return stored.ToArray();
    }

    public static byte[] Zstd(byte[] content)
    {
        using var compressor = new ZstdSharp.Compressor();
        return compressor.Wrap(content).ToArray();
    }

    /// <summary>
    /// One xz stream with one block, whose LZMA2 chunks are not compressed, and a CRC-32 of the content.
    /// </summary>
    public static byte[] Xz(byte[] content)
    {
        const int Largest = 1 << 16;
        byte[] flags = [0, 1];
        var stored = new List<byte> { 0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', 0 };
        stored.AddRange([.. flags, .. Crc(flags)]);
        // 12 bytes with the CRC, the filter LZMA2, a dictionary of 4 KiB
        byte[] header = [2, 0, 0x21, 1, 0, 0, 0, 0];
        stored.AddRange([.. header, .. Crc(header)]);
        int block = stored.Count - 12;
        for (int at = 0; at < content.Length; at += Largest)
        {
            byte[] part = content[at..Math.Min(content.Length, at + Largest)];
            stored.AddRange(
                [(byte)(at == 0 ? 1 : 2), (byte)((part.Length - 1) >> 8), (byte)(part.Length - 1), .. part]);
        }

        stored.Add(0);
        int unpadded = stored.Count - block + 4;
        while ((stored.Count - block) % 4 != 0)
            stored.Add(0);
        stored.AddRange(Crc(content));
        List<byte> index = [0, 1, .. Varying(unpadded), .. Varying(content.Length)];
        while (index.Count % 4 != 0)
            index.Add(0);
        stored.AddRange([.. index, .. Crc([.. index])]);
        byte[] footer = [.. Number((uint)(index.Count / 4)), .. flags];
        return [.. stored, .. Crc(footer), .. footer, (byte)'Y', (byte)'Z'];
    }

    private static byte[] Varying(int number) =>
        number < 0x80 ? [(byte)number] : [(byte)(number | 0x80), .. Varying(number >> 7)];

    private static byte[] Number(uint number)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, number);
        return bytes;
    }

    private static byte[] Crc(byte[] bytes)
    {
        var crc = new Crc32();
        crc.Update(bytes);
        return Number((uint)crc.Value);
    }
}
