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
/// <param name="IsPaper">Whether these are the paper's numbers and not ours.</param>
internal sealed record ReportTable(
    string Caption, IReadOnlyList<string> Labels, IReadOnlyList<ReportGroup> Groups, IReadOnlyList<IReadOnlyList<ReportCell>> Rows,
    bool IsPaper = false);

/// <summary>A picture of the report: panels with one key.</summary>
/// <param name="Caption">What is seen in it.</param>
/// <param name="Key">What each mark means.</param>
/// <param name="Panels">The panels.</param>
internal sealed record ReportFigure(string Caption, IReadOnlyList<(string Name, Mark Mark)> Key, IReadOnlyList<Chart> Panels);

/// <summary>A part of the report.</summary>
/// <param name="Title">Its title.</param>
/// <param name="Text">Paragraphs.</param>
/// <param name="Tables">Its tables.</param>
/// <param name="Figures">Its pictures.</param>
/// <param name="IsReference">Whether it is for looking things up and may begin folded.</param>
internal sealed record ReportSection(
    string Title, IReadOnlyList<string> Text, IReadOnlyList<ReportTable> Tables, IReadOnlyList<ReportFigure> Figures,
    bool IsReference = false);
