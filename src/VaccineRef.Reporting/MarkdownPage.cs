using System.Text;

namespace VaccineRef.Reporting;

/// <summary>The report as Markdown: the same sentences and numbers, without pictures.</summary>
internal static class MarkdownPage
{
    /// <summary>Writes it.</summary>
    public static string Of(LabFindings findings, IReadOnlyList<ReportSection> sections)
    {
        var text = new StringBuilder($"# {ReportTitle.Of(findings.Report)}\n\n{ReportTitle.Under(findings.Report)}\n\n");
        foreach (string sentence in findings.Verdict)
            text.Append($"- {sentence}\n");
        foreach (var section in sections.Where(section => section.Tables.Count > 0))
        {
            text.Append($"\n## {section.Title}\n");
            foreach (string paragraph in section.Text)
                text.Append($"\n{paragraph}\n");
            foreach (var table in section.Tables)
                Table(text, table);
        }

        return text.ToString();
    }

    private static void Table(StringBuilder text, ReportTable table)
    {
        void Line(IEnumerable<string> cells) =>
            text.Append("| ").AppendJoin(" | ", cells.Select(cell => cell.Replace("|", "\\|", StringComparison.Ordinal))).Append(" |\n");
        string[] numbers = [.. table.Groups.SelectMany(group => group.Columns.Select(
            column => group.Head.Length > 0 ? $"{group.Head}: {column}" : column))];
        text.Append($"\n{(table.IsPaper ? "The paper’s numbers. " : "")}{table.Caption}\n\n");
        Line([.. table.Labels, .. numbers]);
        Line([.. table.Labels.Select(_ => "---"), .. numbers.Select(_ => "---:")]);
        foreach (var row in table.Rows)
            Line(row.Select(cell => cell.Interval is null ? cell.Text : $"{cell.Text} {cell.Interval}"));
    }
}
