using System.Buffers;
using System.Text;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// UTF-8 text without its byte-order mark, checked as it is read: other bytes, NUL, and a mark at the beginning of a
/// later line are named with line and column.
/// </summary>
internal sealed class TextStream(PeekStream content, string file) : ReadStream
{
    private readonly byte[] _buffer = new byte[1 << 16];
    private TextCursor _cursor;
    private int _start;             // what is checked and not yet read
    private int _checked;
    private int _end;               // what is not checked yet: the beginning of a character
    private bool _begun;

    /// <summary>The byte-order mark of UTF-8.</summary>
    public static ReadOnlySpan<byte> Mark => [0xEF, 0xBB, 0xBF];

    /// <summary>Some of the text that comes next, without reading it; empty at the end.</summary>
    /// <exception cref="DataException">Some bytes are no UTF-8, or no text.</exception>
    public ReadOnlySpan<byte> Next()
    {
        if (_start == _checked)
            Fill();
        return _buffer.AsSpan(_start.._checked);
    }

    public override int Read(Span<byte> buffer)
    {
        var next = Next();
        int count = Math.Min(next.Length, buffer.Length);
        next[..count].CopyTo(buffer);
        _start += count;
        return count;
    }

    private void Fill()
    {
        _buffer.AsSpan(_checked.._end).CopyTo(_buffer);
        (_start, _checked, _end) = (0, 0, _end - _checked);
        bool isFirst = !_begun;
        _begun = true;
        int read = 1;
        while (_end < _buffer.Length && (read = content.Read(_buffer.AsSpan(_end..))) > 0)
            _end += read;
        if (isFirst)
            RequireUtf8Marks(_buffer.AsSpan(0, _end));
        _checked = read == 0 ? _end : Whole(_buffer.AsSpan(0, _end));
        if (isFirst && _buffer.AsSpan(0, _checked).StartsWith(Mark))
            _start = Mark.Length;
        Check(_buffer.AsSpan(_start.._checked));
    }

    /// <summary>How many bytes there are without a character that is not there to its end.</summary>
    private static int Whole(ReadOnlySpan<byte> bytes)
    {
        for (int back = 1; back <= 3 && back <= bytes.Length; back++)
            if (bytes[^back] >= 0xC0)
                return Rune.DecodeFromUtf8(bytes[^back..], out _, out _) == OperationStatus.NeedMoreData
                    ? bytes.Length - back
                    : bytes.Length;
        return bytes.Length;
    }

    private void Check(ReadOnlySpan<byte> text)
    {
        if (!System.Text.Unicode.Utf8.IsValid(text))
            throw NoUtf8(text);
        if (text.IndexOf((byte)0) is >= 0 and var zero)
        {
            var place = _cursor.At(text[..zero]);
            throw new DataException(
                "a data file holds a NUL byte", file, place.Line, found: $"byte 0x00 at {place}", expected: "text",
                remedy: "remove it; a file that ends in such bytes was not written to its end");
        }

        for (int at = 0; text[at..].IndexOf(Mark) is >= 0 and var next; at += next + Mark.Length)
            if (_cursor.At(text[..(at + next)]) is { Column: 1 } place)
                throw MarkInside(file, place);
        _cursor.Advance(text);
    }

    /// <summary>The error that a byte-order mark stands inside a text, where files were put together.</summary>
    public static DataException MarkInside(string file, TextPlace place) => new(
        "a byte-order mark stands inside a data file", file, place.Line, found: $"U+FEFF at {place}",
        expected: "one at the beginning, or none", remedy: "remove it: files that were put together keep their marks");

    private void RequireUtf8Marks(ReadOnlySpan<byte> start)
    {
        bool marked = start is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..];
        if (marked || start is [0, not 0, ..] or [not 0, 0, not 0, 0, ..])
            throw new DataException(
                "a data file is UTF-16, not UTF-8", file, 1,
                found: marked
                    ? "a byte-order mark of UTF-16 at line 1, column 1"
                    : "a zero in every second byte from line 1, column 1",
                expected: "UTF-8", remedy: "convert the file to UTF-8, as with iconv -f UTF-16 -t UTF-8");
    }

    private DataException NoUtf8(ReadOnlySpan<byte> text)
    {
        var rest = text;
        while (Rune.DecodeFromUtf8(rest, out _, out int length) == OperationStatus.Done)
            rest = rest[length..];
        var place = _cursor.At(text[..^rest.Length]);
        return new(
            "a data file is not UTF-8", file, place.Line, found: $"byte 0x{rest[0]:X2} at {place}", expected: "UTF-8",
            remedy: "convert the file to UTF-8");
    }
}
