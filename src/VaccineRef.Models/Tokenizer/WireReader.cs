using System.Buffers.Binary;
using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// Reads Protocol Buffers' wire format field by field. Lengths are checked against the bytes that are there before
/// anything is taken.
/// </summary>
internal ref struct WireReader(ReadOnlySpan<byte> bytes, string where)
{
    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly int _length = bytes.Length;
    private ReadOnlySpan<byte> _rest = bytes;
    private int _wireType;

    /// <summary>The number of the current field.</summary>
    public int Field { get; private set; }

    /// <summary>Moves to the next field, whose value must then be read or skipped; false at the end.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty)
            return false;
        ulong key = RawVarint();
        Field = (int)Math.Min(key >> 3, int.MaxValue);
        _wireType = (int)(key & 7);
        return Field > 0 ? true : throw Broken($"field {Field}");
    }

    public ulong Varint()
    {
        Expect(0);
        return RawVarint();
    }

    public bool Flag() => Varint() != 0;

    public float Float()
    {
        Expect(5);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(4));
    }

    public ReadOnlySpan<byte> Bytes()
    {
        Expect(2);
        return Take(RawVarint());
    }

    public string Text()
    {
        try
        {
            return StrictUtf8.GetString(Bytes());
        }
        catch (DecoderFallbackException e)
        {
            throw new TokenizerException("a piece is not UTF-8", where, inner: e);
        }
    }

    public void Skip()
    {
        _ = _wireType switch
        {
            0 => RawVarint(),
            1 => (ulong)Take(8).Length,
            2 => (ulong)Take(RawVarint()).Length,
            5 => (ulong)Take(4).Length,
            _ => throw Broken($"wire type {_wireType}"),
        };
    }

    private ulong RawVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte b = Take(1)[0];
            value |= (ulong)(b & 0x7F) << shift;
            if (b < 0x80)
                return value;
        }
        throw Broken("a number of more than 64 bits");
    }

    private ReadOnlySpan<byte> Take(ulong count)
    {
        if (count > (ulong)_rest.Length)
            throw Broken($"{_rest.Length} bytes where {count} are announced");
        var taken = _rest[..(int)count];
        _rest = _rest[(int)count..];
        return taken;
    }

    private readonly void Expect(int wireType)
    {
        if (_wireType != wireType)
            throw Broken($"wire type {_wireType} in field {Field} where {wireType} belongs");
    }

    private readonly TokenizerException Broken(string found) => new(
        "the SentencePiece model is broken", $"{where}, byte {_length - _rest.Length}", found,
        remedy: "fetch the file again");
}
