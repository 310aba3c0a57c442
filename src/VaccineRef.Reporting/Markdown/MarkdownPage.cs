using System.Text;

namespace VaccineRef.Reporting;

/// <summary>The report as Markdown: the same sentences and numbers as in HTML, with the first picture beside.</summary>
internal static class MarkdownPage
{
    /// <summary>Writes it.</summary>
    public static string Of(ReportDocument document)
    {
        var text = new StringBuilder(
            $"# {MarkdownText.Inline(document.Title)}\n\n{MarkdownText.Line(document.Headline)}\n\n");
        if (document.Picture is { } picture)
            text.Append($"![{picture.Panels[0].Title}]({ReportWriter.Figure})\n\n");
        if (document.World.Count > 0)
            text.Append($"{MarkdownText.Line(string.Join(' ', document.World))}\n\n");
        text.Append($"{MarkdownText.Line(document.Subtitle)}\n\n");
        int number = 0;
        foreach (string sentence in document.Conclusions)
            text.Append($"- {MarkdownText.Line(sentence)}\n");
        foreach (var section in document.Sections.Where(section => section.Tables.Count > 0))
        {
            text.Append($"\n## {section.Title}\n");
            foreach (string paragraph in section.Text)
                text.Append($"\n{MarkdownText.Line(paragraph)}\n");
            foreach (var table in section.Tables)
                Table(text, table, table.IsPublished ? "The paper’s numbers" : $"Table {++number}");
        }

        return text.ToString();
    }

    private static void Table(StringBuilder text, ReportTable table, string name)
    {
        string[] numbers = [.. table.Groups.SelectMany(group => group.Columns.Select(
            column => group.Head.Length > 0 ? $"{group.Head}: {column}" : column))];
        text.Append($"\n{MarkdownText.Line($"{name}. {table.Caption}")}\n\n");
        text.Append(MarkdownText.Row([.. table.Labels, .. numbers]));
        text.Append(MarkdownText.Rule([.. table.Labels.Select(_ => "---"), .. numbers.Select(_ => "---:")]));
        foreach (var row in table.Rows)
            text.Append(MarkdownText.Row(row.Select(cell => cell.Interval is null ? cell.Text : $"{cell.Text} {cell.Interval}")));
    }
}
