using System.Xml.Linq;
using OxyPlot;

namespace VaccineRef.Reporting;

/// <summary>
/// How a condition is drawn: a colour, a shape and a dash, so that neither colour-blindness nor a black-and-white print
/// makes two conditions look like one. Colours are numbers here; the page's style sheet gives them values as the
/// variables --series-0 to --series-7, which differ between light and dark.
/// </summary>
/// <param name="Index">
/// 0 is the model that was never aligned, 1 the control, 2 the condition of the primary comparison.
/// </param>
/// <param name="Hollow">Whether points are drawn as an outline.</param>
internal readonly record struct SeriesStyle(int Index, bool Hollow = false)
{
    /// <summary>How many colours the style sheet has.</summary>
    public const int Colors = 8;

    private static readonly MarkerType[] Shapes =
    [
        MarkerType.Square, MarkerType.Circle, MarkerType.Diamond, MarkerType.Triangle,
    ];
    private static readonly LineStyle[] Dashes =
    [
        LineStyle.Dot, LineStyle.Solid, LineStyle.Solid, LineStyle.Dash, LineStyle.LongDashDot,
    ];

    /// <summary>Stands for the colour until the page is written.</summary>
    public OxyColor Color => Chart.Variable($"series-{Index % Colors}");

    /// <summary>The variable of the style sheet that holds the colour.</summary>
    public string Variable => $"--series-{Index % Colors}";

    /// <summary>The shape of points.</summary>
    public MarkerType Shape => Shapes[Index % Shapes.Length];

    /// <summary>The dash of lines.</summary>
    public LineStyle Dash => Index < Dashes.Length ? Dashes[Index] : Dashes[1 + (Index % (Dashes.Length - 1))];

    /// <summary>The style of a condition: the same in every figure of a report.</summary>
    public static SeriesStyle Of(TrialIndex trials, string condition)
    {
        string?[] named = [trials.Conditions.FirstOrDefault(each => !trials.IsAligned(each)), trials.Control,
            trials.Report.Options.Primary];
        int index = Array.IndexOf(named, condition);
        string[] others = [.. trials.Conditions.Where(each => !named.Contains(each))];
        return new(index >= 0 ? index : named.Length + Array.IndexOf(others, condition));
    }

    /// <summary>A small picture of it for the key, drawn as the charts are.</summary>
    public XElement Swatch(bool line)
    {
        var chart = new Chart("", "", "", false);
        if (line)
            chart.Line(this, [(0, 0), (1, 0)], markers: false);
        chart.Points(this, [(0.5, 0)]);
        return chart.Swatch();
    }
}
