namespace VaccineRef.Experiments.Data;

/// <summary>
/// A place in a text, as an editor shows it: lines end in LF, CRLF or CR, and columns count characters. Both count from
/// 1.
/// </summary>
/// <param name="Line">The line.</param>
/// <param name="Column">The column.</param>
internal readonly record struct TextPlace(int Line, int Column)
{
    /// <summary>As in "line 3, column 7".</summary>
    public override string ToString() => $"line {Line}, column {Column}";
}
