using System.Globalization;
using System.Xml.Linq;
using OxyPlot.Axes;

namespace VaccineRef.Reporting;

/// <summary>
/// A name at the end of a line, in place of a key. Names that would cover each other are moved apart, and a hair joins
/// a name that was moved with the end of its line.
/// </summary>
/// <param name="Style">How the line is drawn.</param>
/// <param name="Name">What it is called.</param>
/// <param name="X">Where the line ends, in the numbers of the axes.</param>
/// <param name="Y">The same.</param>
internal sealed record EndLabel(SeriesStyle Style, string Name, double X, double Y)
{
    /// <summary>The distance between two names, in the units of the picture.</summary>
    internal const double Gap = 15;

    // twelve units high letters are on average less than seven wide; the baseline is a third of their height below
    // their middle
    private const double LetterWidth = 6.8, Hair = 16, ToBaseline = 4;

    /// <summary>How much room the names need right of the axes.</summary>
    public static int Room(IReadOnlyList<EndLabel> labels) =>
        labels.Count == 0 ? 0 : (int)Math.Ceiling(Hair + (LetterWidth * labels.Max(label => label.Name.Length)));

    /// <summary>The names, once the axes know where their numbers are.</summary>
    public static IEnumerable<XElement> Drawn(
        IReadOnlyList<EndLabel> labels, XNamespace svg, LinearAxis x, LinearAxis y)
    {
        if (labels.Count == 0)
            return [];
        double bottom = y.Transform(y.ActualMinimum), top = y.Transform(y.ActualMaximum),
            left = x.Transform(x.ActualMaximum);
        double[] places = Spread([.. labels.Select(label => y.Transform(label.Y))], Gap, top, bottom);
        return labels.Zip(places).SelectMany(each => (XElement[])
        [
            new(svg + "line",
                At("x1", x.Transform(each.First.X)), At("y1", y.Transform(each.First.Y)), At("x2", left + Hair - 3),
                At("y2", each.Second),
                new XAttribute(
                    "style", $"stroke:var({each.First.Style.Variable});stroke-width:0.6;stroke-opacity:0.6")),
            new(svg + "text",
                At("x", left + Hair), At("y", each.Second + ToBaseline), new XAttribute("font-size", "12"),
                new XAttribute("class", "name"), new XAttribute("style", $"fill:var({each.First.Style.Variable})"),
                each.First.Name),
        ]);
    }

    /// <summary>
    /// Places as near below what is wanted as their distance allows, in the order of what is wanted. All lie between
    /// the ends; the distance is smaller only where so many do not fit.
    /// </summary>
    internal static double[] Spread(IReadOnlyList<double> wanted, double gap, double low, double high)
    {
        int[] order = [.. Enumerable.Range(0, wanted.Count).OrderBy(i => wanted[i])];
        double step = wanted.Count > 1 ? Math.Min(gap, (high - low) / (wanted.Count - 1)) : gap, least = low,
            most = high;
        var places = new double[wanted.Count];
        foreach (int i in order)
        {
            places[i] = Math.Max(wanted[i], least);
            least = places[i] + step;
        }

        foreach (int i in order.Reverse())
        {
            places[i] = Math.Min(places[i], most);
            most = places[i] - step;
        }

        return places;
    }

    private static XAttribute At(string name, double place) =>
        new(name, place.ToString("0.##", CultureInfo.InvariantCulture));
}
