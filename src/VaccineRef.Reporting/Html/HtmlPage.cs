using System.Reflection;
using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace VaccineRef.Reporting;

/// <summary>
/// The report as one HTML file that needs nothing else: no network, no script. It is built as a tree, so that it is
/// well-formed and escaped by construction, and written so that it is read alike as HTML and as XML.
/// </summary>
internal static class HtmlPage
{
    private const string StyleSheet = "VaccineRef.Reporting.report.css";

    /// <summary>Writes it.</summary>
    public static string Of(ReportDocument document)
    {
        var page = new XElement("html", new XAttribute("lang", "en"),
            new XElement("head",
                new XElement("meta", new XAttribute("charset", "utf-8")),
                new XElement(
                    "meta", new XAttribute("name", "viewport"),
                    new XAttribute("content", "width=device-width, initial-scale=1")),
                new XElement("meta", new XAttribute("name", "color-scheme"), new XAttribute("content", "light dark")),
                new XElement("title", $"{document.Title} – VaccineRef"),
                new XElement("style", Style())),
            new XElement("body",
                new XElement("header",
                    new XElement("h1", document.Title), new XElement("p", Class("finding"), document.Headline),
                    document.Picture is null ? null : Figure(document.Picture, 1),
                    document.World.Count == 0
                        ? null
                        : new XElement("p", Class("world"), string.Join(' ', document.World)),
                    new XElement("p", Class("under"), document.Subtitle)),
                new XElement("main",
                    new XElement("section", Class("conclusions"), new XElement("h2", document.ConclusionsTitle),
                        new XElement("ul", document.Conclusions.Select(sentence => new XElement("li", sentence)))),
                    Numbered(document.Sections, figure: document.Picture is null ? 0 : 1))));
        Clean(page);
        return $"<!DOCTYPE html>\n{page.ToString(SaveOptions.DisableFormatting)}\n";
    }

    private static IEnumerable<XElement> Numbered(IReadOnlyList<ReportSection> sections, int figure)
    {
        int table = 0;
        foreach (var section in sections)
        {
            object[] body =
            [
                .. section.Text.Select(paragraph => new XElement("p", paragraph)),
                .. section.Tables.Take(1).Select(each => Table(each, each.IsPublished ? table : ++table)),
                .. section.Figures.Select(each => Figure(each, ++figure)),
                .. section.Tables.Skip(1).Select(each => Table(each, each.IsPublished ? table : ++table)),
            ];
            yield return section.IsReference
                ? new XElement("details", new XElement("summary", new XElement("h2", section.Title)), body)
                : new XElement("section", new XElement("h2", section.Title), body);
        }
    }

    private static XElement Table(ReportTable table, int number)
    {
        string name = table.IsPublished ? "The paper’s numbers" : $"Table {number}";
        bool grouped = table.Groups.Any(group => group.Head.Length > 0);
        var heads = table.Labels.Select(label => new XElement(
            "th", new XAttribute("scope", "col"), grouped ? new XAttribute("rowspan", 2) : null, label)).ToArray();
        var columns = table.Groups.SelectMany(group => group.Columns.Select((column, i) => new XElement(
            "th", new XAttribute("scope", "col"), Class(i == 0 ? "number first" : "number"), column))).ToArray();
        var groups = table.Groups.Select(group => new XElement(
            "th", new XAttribute("scope", "colgroup"), new XAttribute("colspan", group.Columns.Count), Class("group"),
            group.Head));
        int[] first = [.. table.Groups.Select((_, i) => table.Groups.Take(i).Sum(group => group.Columns.Count))];
        return new("figure", Class(table.IsPublished ? "table published" : "table"),
            new XElement("figcaption", new XElement("b", name), $" {table.Caption}"),
            new XElement("div", Class("scroll"), new XAttribute("tabindex", 0), new XAttribute("role", "region"), new XAttribute("aria-label", name),
                new XElement("table",
                    new XElement("thead", grouped
                        ? (XElement[])[new("tr", heads, groups), new("tr", columns)]
                        : [new("tr", heads, columns)]),
                    new XElement("tbody", table.Rows.Select(row => new XElement("tr", row.Select((cell, i) => i < table.Labels.Count
                        ? Word(cell, i, table.Rows.Count)
                        : Number(cell, first.Contains(i - table.Labels.Count)))))))));
    }

    private static XElement Word(ReportCell cell, int column, int rows) => column == 0 && rows > 0
        ? new("th", new XAttribute("scope", "row"), cell.Text)
        : new("td", cell.Text);

    private static XElement Number(ReportCell cell, bool first) => new(
        "td", Class(first ? "number first" : "number"), cell.Text,
        cell.Interval is null ? null : new XElement("span", Class("interval"), $" {cell.Interval}"));

    private static XElement Figure(ReportFigure figure, int number) => new(
        "figure", Class("picture"),
        figure.Key.Count == 0 ? null : new XElement("ul", Class("key"), figure.Key.Select(item => new XElement(
            "li", item.Style.Swatch(line: !figure.Key.Any(each => each.Style.Hollow)),
            new XElement("span", item.Name)))),
        new XElement("div", Class("panels"), figure.Panels.Select((panel, i) => new XElement(
            "div",
            new XElement("p", Class("panel"), figure.Panels.Count == 1 ? panel.Title : $"{(char)('a' + i)}  {panel.Title}"), panel.Svg($"f{number}{(char)('a' + i)}")))),
        new XElement("figcaption", new XElement("b", $"Figure {number}"), $" {figure.Caption}"));

    /// <summary>
    /// Puts a replacement character in the place of what XML cannot hold: a name from a recipe can hold anything.
    /// </summary>
    internal static void Clean(XElement page)
    {
        foreach (var text in page.DescendantNodes().OfType<XText>())
            text.Value = Clean(text.Value);
        foreach (var attribute in page.Descendants().Attributes().Where(attribute => !attribute.IsNamespaceDeclaration))
            attribute.Value = Clean(attribute.Value);
    }

    private static string Clean(string text) =>
        string.Concat(text.EnumerateRunes().Select(rune => rune.IsBmp && !XmlConvert.IsXmlChar((char)rune.Value) ? Rune.ReplacementChar : rune));

    private static XAttribute Class(string name) => new("class", name);

    /// <summary>The style sheet of the page.</summary>
    internal static string Style()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(StyleSheet)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
