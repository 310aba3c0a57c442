using System.Text;

namespace VaccineRef.Experiments.Data;

/// <summary>Follows a text that is read in parts, and knows the line and the column that it has come to.</summary>
internal struct TextCursor
{
    private int _lines;
    private int _columns;
    private bool _afterReturn;

    /// <summary>Where it stands: before the next character.</summary>
    public readonly TextPlace Place => new(_lines + 1, _columns + 1);

    /// <summary>Where it would stand after more text.</summary>
    public readonly TextPlace At(ReadOnlySpan<byte> text)
    {
        var later = this;
        later.Advance(text);
        return later.Place;
    }

    /// <summary>Goes on. Lines end in LF, CRLF or CR.</summary>
    public void Advance(ReadOnlySpan<byte> text)
    {
        if (text.IsEmpty)
            return;
        int pairs = text.Count("\r\n"u8) + (_afterReturn && text[0] == '\n' ? 1 : 0);
        _lines += text.Count((byte)'\n') + text.Count((byte)'\r') - pairs;
        int last = text.LastIndexOfAny((byte)'\n', (byte)'\r');
        _columns = (last < 0 ? _columns : 0) + Encoding.UTF8.GetCharCount(text[(last + 1)..]);
        _afterReturn = text[^1] == '\r';
    }
}
