using SharpCompress.Compressors.Xz;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Decompresses xz. Several streams one after the other are one content, and zeros behind each, in fours, are padding,
/// as for the program xz. A filter before LZMA2 is refused by its name, which the header of the first block says.
/// Source: the .xz file format 1.2, sections 2.1.1 and 3.1.
/// </summary>
internal sealed class XzStream(PeekStream stored, string file) : ReadStream
{
    private const int PaddingUnit = 4, StreamHeader = 12, LongestBlockHeader = 1024;
    private const ulong Lzma2 = 0x21;

    // By their numbers, from 3 on.
    private static readonly string[] Names =
    [
        "delta", "x86", "powerpc", "ia64", "arm", "armthumb", "sparc", "arm64", "riscv",
    ];

    private readonly byte[] _padding = new byte[PaddingUnit];
    private XZStream? _current = Begin(stored, file);

    public override int Read(Span<byte> buffer)
    {
        while (_current is { } current)
        {
            if (current.Read(buffer) is > 0 and var read)
                return read;
            while (stored.Peek(PaddingUnit) is [0, 0, 0, 0])
                stored.ReadExactly(_padding);
            // what follows must be a stream; otherwise its header is refused
            _current = stored.Peek(1).IsEmpty ? null : Begin(stored, file);
        }

        return 0;
    }

    private static XZStream Begin(PeekStream stored, string file)
    {
        var header = stored.Peek(StreamHeader + LongestBlockHeader);
        if (header.Length > StreamHeader + 2 && header[StreamHeader] > 0
            && FirstFilter(header[(StreamHeader + 1)..]) is { } id and not Lzma2)
            throw new DataException(
                "an xz file uses a filter that is not read", file,
                found: id is >= 3 and < 12 ? Names[id - 3] : $"filter {id}", expected: "LZMA2 alone",
                remedy: "compress it without: xz -dc FILE | xz > NEW");
        return new(stored);
    }

    // The flags say how many filters there are, and whether two sizes stand before them.
    private static ulong? FirstFilter(ReadOnlySpan<byte> block)
    {
        const int HasStoredSize = 0x40, HasSize = 0x80;
        int flags = block[0], at = 1;
        foreach (int size in (int[])[HasStoredSize, HasSize])
            if ((flags & size) != 0)
                Number(block, ref at);
        return Number(block, ref at);
    }

    // Seven bits a byte, the lowest first; the highest bit says that more follow. Null where it is cut or too long.
    private static ulong? Number(ReadOnlySpan<byte> bytes, ref int at)
    {
        ulong value = 0;
        for (int shift = 0; at < bytes.Length && shift < 63; shift += 7)
        {
            byte next = bytes[at++];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }

        return null;
    }
}
