using SharpCompress.Compressors.Xz;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Decompresses xz. Several streams one after the other are one content, and zeros behind each, in fours, are padding, as
/// for the program xz.
/// </summary>
internal sealed class XzStream(PeekStream stored) : ReadStream
{
    private const int PaddingUnit = 4;

    private readonly byte[] _padding = new byte[PaddingUnit];
    private XZStream? _current = new(stored);

    public override int Read(Span<byte> buffer)
    {
        while (_current is { } current)
        {
            if (current.Read(buffer) is > 0 and var read)
                return read;
            while (stored.Peek(PaddingUnit) is [0, 0, 0, 0])
                stored.ReadExactly(_padding);
            // what follows must be a stream; otherwise its header is refused
            _current = stored.Peek(1).IsEmpty ? null : new(stored);
        }

        return 0;
    }
}
