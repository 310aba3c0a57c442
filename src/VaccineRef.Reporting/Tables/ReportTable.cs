namespace VaccineRef.Reporting;

/// <summary>A cell of a table.</summary>
/// <param name="Text">The number, written.</param>
/// <param name="Interval">Its interval, written smaller below it.</param>
internal sealed record ReportCell(string Text, string? Interval = null)
{
    public static implicit operator ReportCell(string text) => new(text);
}

/// <summary>Columns under one head.</summary>
internal sealed record ReportGroup(string Head, IReadOnlyList<string> Columns);

/// <summary>A table of the report, for whoever writes it.</summary>
/// <param name="Caption">What is seen in it.</param>
/// <param name="Labels">The heads of the first columns, which hold words.</param>
/// <param name="Groups">The columns of numbers.</param>
/// <param name="Rows">Words, then numbers.</param>
/// <param name="IsPublished">Whether these are the paper's numbers and not ours.</param>
internal sealed record ReportTable(
    string Caption, IReadOnlyList<string> Labels, IReadOnlyList<ReportGroup> Groups,
    IReadOnlyList<IReadOnlyList<ReportCell>> Rows,
    bool IsPublished = false);
