using System.Buffers.Binary;
using ICSharpCode.SharpZipLib.Checksum;
using ICSharpCode.SharpZipLib.Zip.Compression;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Decompresses gzip (RFC 1952). Several members one after the other are one content, and zeros behind the last are
/// padding, as for the program gzip. .NET's own stream reads a cut file without complaint and does not tell where a
/// member ends, so each member's checksum and length are compared here.
/// </summary>
internal sealed class GzipStream(PeekStream stored) : ReadStream
{
    private const int HasChecksum = 2, HasExtra = 4, HasName = 8, HasComment = 16;

    private readonly Inflater _inflater = new(noHeader: true);
    private readonly byte[] _input = new byte[1 << 15];
    private readonly byte[] _output = new byte[1 << 15];
    private readonly Crc32 _checksum = new();
    private int _start;
    private int _end;
    private bool _inside;
    private bool _isFirst = true;

    public override int Read(Span<byte> buffer)
    {
        while (_inside || Begin())
        {
            int count = _inflater.Inflate(_output, 0, Math.Min(buffer.Length, _output.Length));
            if (count > 0)
            {
                _checksum.Update(new ArraySegment<byte>(_output, 0, count));
                _output.AsSpan(0, count).CopyTo(buffer);
                return count;
            }

            if (_inflater.IsFinished)
                End();
            else if (_inflater.IsNeedingDictionary)
                throw new InvalidDataException("a dictionary is asked for");
            else
                Feed();
        }

        return 0;
    }

    private void Feed()
    {
        if (_start == _end && !Fill())
            throw new EndOfStreamException("the file is cut inside a member");
        _inflater.SetInput(_input, _start, _end - _start);
        _start = _end;
    }

    private bool Fill()
    {
        (_start, _end) = (0, stored.Read(_input));
        return _end > 0;
    }

    private int Byte() => _start < _end || Fill() ? _input[_start++] : -1;

    private byte Required() => Byte() is >= 0 and var value
        ? (byte)value
        : throw new EndOfStreamException("the file is cut inside a member's header or end");

    /// <summary>The header of the next member; false at the end of the file.</summary>
    private bool Begin()
    {
        int first;
        do
            first = Byte();
        while (first == 0 && !_isFirst);
        if (first < 0 && !_isFirst)
            return false;
        if (first != 0x1F || Required() != 0x8B)
            throw new InvalidDataException("something that is no gzip member follows one");
        _isFirst = false;
        if (Required() != 8)
            throw new InvalidDataException("the method of compression is not deflate");
        int flags = Required();
        for (int i = 0; i < 6; i++)
            Required();
        if ((flags & HasExtra) != 0)
            for (int left = Required() | (Required() << 8); left > 0; left--)
                Required();
        foreach (int text in new[] { HasName, HasComment })
            while ((flags & text) != 0 && Required() != 0)
            {
            }

        for (int i = 0; (flags & HasChecksum) != 0 && i < 2; i++)
            Required();
        _inflater.Reset();
        _checksum.Reset();
        return _inside = true;
    }

    /// <summary>The checksum and the length at the end of a member.</summary>
    private void End()
    {
        _start = _end - _inflater.RemainingInput;
        Span<byte> end = stackalloc byte[8];
        foreach (ref byte value in end)
            value = Required();
        if (BinaryPrimitives.ReadUInt32LittleEndian(end) != (uint)_checksum.Value)
            throw new InvalidDataException("the checksum of a member does not fit");
        if (BinaryPrimitives.ReadUInt32LittleEndian(end[4..]) != (uint)_inflater.TotalOut)
            throw new InvalidDataException("the length of a member does not fit");
        _inside = false;
    }
}
