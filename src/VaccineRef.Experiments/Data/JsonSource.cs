using System.Text.Json;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads JSON values one after another from a text, however white space lies between and inside them. Only one value is
/// in memory at a time.
/// </summary>
internal sealed class JsonSource(string file, TextStream text)
{
    private byte[] _buffer = new byte[1 << 16];
    private TextCursor _cursor;
    private int _start;
    private int _end;
    private bool _ended;

    /// <summary>The line that the next value begins on.</summary>
    public int Line => _cursor.Place.Line;

    /// <summary>The next byte, behind white space, which is not read; null at the end.</summary>
    public char? Next()
    {
        while (true)
        {
            var rest = Rest;
            int space = rest.IndexOfAnyExcept(" \t\r\n"u8);
            Take(space < 0 ? rest.Length : space);
            if (space >= 0)
                return (char)_buffer[_start];
            if (!Fill())
                return null;
        }
    }

    /// <summary>Reads the byte that <see cref="Next"/> showed.</summary>
    public void Skip() => Take(1);

    /// <summary>Reads a value.</summary>
    /// <param name="row">The row that it is.</param>
    /// <param name="most">The most bytes that it may have.</param>
    /// <exception cref="DataException">It is no JSON, or it is too long.</exception>
    public object? Value(int row, int most)
    {
        int length;
        while (!IsWhole(row, out length))
        {
            if (_end - _start > most)
                throw new DataException(
                    "a row of the data is too long", file, row, found: $"more than {most} bytes",
                    expected: $"at most {most} bytes",
                    remedy: most == StoredFile.LongestRow
                        ? "break it into several"
                        : "write the rows as JSON lines, one object a line");
            Fill();
        }

        object? value = JsonValues.Read(file, Rest[..length], _cursor, row);
        Take(length);
        return value;
    }

    private Span<byte> Rest => _buffer.AsSpan(_start.._end);

    /// <summary>
    /// Whether the buffer holds a value to its end; at the end of the text, or where it is broken, an error says why
    /// not.
    /// </summary>
    private bool IsWhole(int row, out int length)
    {
        var reader = new Utf8JsonReader(Rest, _ended, new JsonReaderState(JsonValues.Several));
        try
        {
            bool isWhole = reader.Read() && reader.TrySkip();
            length = (int)reader.BytesConsumed;
            return isWhole;
        }
        catch (JsonException error)
        {
            throw JsonValues.Broken(file, Rest, _cursor, row, error);
        }
    }

    private void Take(int count)
    {
        _cursor.Advance(_buffer.AsSpan(_start, count));
        _start += count;
    }

    /// <summary>
    /// Reads more of the text, as much as there is room for; false where there is none. A value is looked through again
    /// after.
    /// </summary>
    private bool Fill()
    {
        if (_start > 0)
        {
            Rest.CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
            Array.Resize(ref _buffer, 2 * _buffer.Length);
        int before = _end, read = 1;
        while (_end < _buffer.Length && (read = text.Read(_buffer.AsSpan(_end..))) > 0)
            _end += read;
        _ended = read == 0;
        return _end > before;
    }
}
