using System.Text;

namespace VaccineRef.Reporting;

/// <summary>Text that stands in Markdown as it is: names from recipes can hold anything.</summary>
internal static class MarkdownText
{
    /// <summary>
    /// Text on one line in which nothing is markup: no table cell ends, no HTML and no link begins. Brackets stay as
    /// they are where they make no link, because intervals are written with them.
    /// </summary>
    public static string Inline(string text)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (var (i, c) in text.Index())
        {
            bool link = c is '(' or '[' or ':' && i > 0 && text[i - 1] == ']';
            if (c is '\\' or '|' or '<' or '*' or '`' || link)
                escaped.Append('\\');
            escaped.Append(char.IsControl(c) ? ' ' : c);
        }

        return escaped.ToString();
    }

    /// <summary>Text that begins a line or a list's item.</summary>
    public static string Line(string text) =>
        text.Length > 0 && text[0] is '#' or '>' or '-' or '+' or '~' or '=' ? $"\\{Inline(text)}" : Inline(text);

    /// <summary>A row of a table.</summary>
    public static string Row(IEnumerable<string> cells) => Rule(cells.Select(Inline));

    /// <summary>A row of a table whose cells are Markdown already.</summary>
    public static string Rule(IEnumerable<string> cells) => $"| {string.Join(" | ", cells)} |\n";
}
