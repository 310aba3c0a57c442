using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace VaccineRef.Models.Tokenizer;

/// <summary>
/// SentencePiece's precompiled_charsmap: strings and what they become, as a double-array trie over UTF-8 (Darts-clone)
/// behind its 4-byte size, then the replacements, each ended by a zero byte.
/// </summary>
internal sealed class CharsMap
{
    private readonly uint[] _units;
    private readonly byte[] _replacements;

    public CharsMap(ReadOnlySpan<byte> blob, string where)
    {
        uint size = blob.Length > 4 ? BinaryPrimitives.ReadUInt32LittleEndian(blob) : 0;
        if (size == 0 || size % 4 != 0 || size > blob.Length - 4 || blob[^1] != 0)
            throw new TokenizerException(
                "the model's precompiled_charsmap is broken", where, $"{blob.Length} bytes, {size} of them a trie",
                remedy: "fetch the file again");
        _units = MemoryMarshal.Cast<byte, uint>(blob.Slice(4, (int)size)).ToArray();
        _replacements = blob[(4 + (int)size)..].ToArray();
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(_units, _units);
    }

    /// <summary>
    /// The longest rule that <paramref name="text"/> starts with: how much of it, and what it becomes.
    /// </summary>
    public bool TryLongest(ReadOnlySpan<char> text, out int length, out string replacement)
    {
        length = 0;
        uint value = 0, node = Offset(Unit(0));
        Span<byte> utf8 = stackalloc byte[4];
        for (int at = 0; at < text.Length;)
        {
            Rune.DecodeFromUtf16(text[at..], out Rune rune, out int width);
            at += width;
            uint unit = 0;
            foreach (byte b in utf8[..rune.EncodeToUtf8(utf8)])
            {
                node ^= b;
                unit = Unit(node);
                if ((unit & 0x800000FF) != b)
                    goto done;
                node ^= Offset(unit);
            }
            if ((unit >> 8 & 1) != 0)
                (length, value) = (at, Unit(node) & 0x7FFFFFFF);
        }

    done:
        var rest = value < _replacements.Length ? _replacements.AsSpan((int)value) : [];
        replacement = length > 0 && !rest.IsEmpty ? Encoding.UTF8.GetString(rest[..rest.IndexOf((byte)0)]) : "";
        return length > 0;
    }

    private static uint Offset(uint unit) => unit >> 10 << (int)((unit & 1 << 9) >> 6);

    private uint Unit(uint node) => node < _units.Length ? _units[node] : 0x80000000;       // a label that no byte has
}
