using System.Globalization;
using System.Xml.Linq;

namespace VaccineRef.Reporting;

/// <summary>
/// The first picture of a report as an SVG file of its own, with its key below: for a README or a paper. It needs
/// nothing else, and follows light and dark as the page does.
/// </summary>
internal static class FigureFile
{
    private const int Line = 22, Margin = 12, LetterWidth = 8;

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    /// <summary>Draws it; null where the report has no picture.</summary>
    public static string? Of(ReportDocument document)
    {
        if (document.FirstFigure is not { } figure)
            return null;
        XElement[] panels =
        [
            .. figure.Panels.Select((panel, i) => Place(
                panel.Svg($"panel{i}"), figure.Panels.Take(i).Sum(before => before.FullWidth), 0, panel.FullWidth,
                Chart.Height)),
        ];
        int width = figure.Panels.Sum(panel => panel.FullWidth), bottom = Chart.Height + Margin;
        var key = Key(figure, width, bottom, out int height);
        var page = new XElement(Svg + "svg",
            new XAttribute("viewBox", $"0 0 {width} {height}"), new XAttribute("role", "img"),
            new XElement(Svg + "title", figure.Panels[0].Title), new XElement(Svg + "desc", figure.Caption),
            new XElement(Svg + "style", Style()),
            new XElement(
                Svg + "rect", new XAttribute("width", width), new XAttribute("height", height),
                new XAttribute("style", "fill:var(--paper)")),
            panels, key);
        HtmlPage.Clean(page);
        return page.ToString(SaveOptions.DisableFormatting) + "\n";
    }

    private static List<XElement> Key(ReportFigure figure, int width, int top, out int height)
    {
        var elements = new List<XElement>();
        int x = Margin, y = top;
        foreach (var (name, style) in figure.Key)
        {
            int needed = Chart.SwatchWidth + Margin + (LetterWidth * name.Length);
            if (x > Margin && x + needed > width)
                (x, y) = (Margin, y + Line);
            elements.Add(Place(style.Swatch(line: true), x, y, Chart.SwatchWidth, Chart.SwatchHeight));
            elements.Add(new(Svg + "text",
                new XAttribute("x", x + Chart.SwatchWidth + (Margin / 2)),
                new XAttribute("y", y + Chart.SwatchHeight - 2),
                new XAttribute("style", "font-size:14px"), name));
            x += needed + Margin;
        }

        height = figure.Key.Count == 0 ? top : y + Line + Margin;
        return elements;
    }

    private static XElement Place(XElement svg, int x, int y, int width, int height)
    {
        foreach (var (name, value) in ((string, int)[])[("x", x), ("y", y), ("width", width), ("height", height)])
            svg.SetAttributeValue(name, value.ToString(CultureInfo.InvariantCulture));
        return svg;
    }

    /// <summary>The page's colours, and how its charts are written.</summary>
    private static string Style()
    {
        string sheet = HtmlPage.Style();
        int from = sheet.IndexOf(":root", StringComparison.Ordinal),
            to = sheet.IndexOf("* {", StringComparison.Ordinal);
        return sheet[from..to] + "text { font-family: var(--sans); fill: var(--ink); }\n";
    }
}
