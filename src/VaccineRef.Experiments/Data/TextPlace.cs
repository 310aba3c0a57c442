using System.Text;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// A place in a text, as an editor shows it: lines end in LF, CRLF or CR, and columns count characters. Both count from 1.
/// </summary>
/// <param name="Line">The line.</param>
/// <param name="Column">The column.</param>
internal readonly record struct TextPlace(int Line, int Column)
{
    public static TextPlace Of(ReadOnlySpan<byte> text, int offset)
    {
        int start = 0, line = 1;
        for (int i = 0; i < offset; i++)
            if (Ends(text, i))
                (line, start) = (line + 1, i + 1);
        return new(line, 1 + Encoding.UTF8.GetCharCount(text[start..offset]));
    }

    /// <summary>How many lines end between two offsets.</summary>
    public static int Lines(ReadOnlySpan<byte> text, int from, int to)
    {
        int lines = 0;
        for (int i = from; i < to; i++)
            lines += Ends(text, i) ? 1 : 0;
        return lines;
    }

    /// <summary>As in "line 3, column 7".</summary>
    public override string ToString() => $"line {Line}, column {Column}";

    private static bool Ends(ReadOnlySpan<byte> text, int i) =>
        text[i] == '\n' || (text[i] == '\r' && (i + 1 == text.Length || text[i + 1] != '\n'));
}
