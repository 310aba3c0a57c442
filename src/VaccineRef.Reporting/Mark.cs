using System.Xml.Linq;
using OxyPlot;
using VaccineRef.Experiments.Lab;

namespace VaccineRef.Reporting;

/// <summary>
/// How an arm is drawn: a colour, a shape and a dash, so that neither colour-blindness nor a black-and-white print makes two
/// arms one. Colours are numbers here, and the style sheet's variables --mark-0 ... on the page, where light and dark differ.
/// </summary>
/// <param name="Index">0 is the model that was never aligned, 1 the control, 2 the arm of the primary comparison.</param>
/// <param name="Hollow">Drawn as an outline.</param>
internal readonly record struct Mark(int Index, bool Hollow = false)
{
    /// <summary>How many colours the style sheet has.</summary>
    public const int Colors = 8;

    private static readonly MarkerType[] Shapes = [MarkerType.Square, MarkerType.Circle, MarkerType.Diamond, MarkerType.Triangle];
    private static readonly LineStyle[] Dashes = [LineStyle.Dot, LineStyle.Solid, LineStyle.Solid, LineStyle.Dash, LineStyle.LongDashDot];

    /// <summary>Stands for the colour until the page is written.</summary>
    public OxyColor Color => Chart.Variable($"mark-{Index % Colors}");

    /// <summary>The shape of points.</summary>
    public MarkerType Shape => Shapes[Index % Shapes.Length];

    /// <summary>The dash of lines.</summary>
    public LineStyle Dash => Index < Dashes.Length ? Dashes[Index] : Dashes[1 + (Index % (Dashes.Length - 1))];

    /// <summary>The mark of every arm of a preset.</summary>
    public static Mark Of(LabPreset preset, LabArm arm)
    {
        string[] named = [LabArm.NonAligned.Name, preset.Primary.Control, preset.Primary.Arm];
        int index = Array.IndexOf(named, arm.Name);
        string[] others = [.. preset.Arms.Select(each => each.Name).Except(named)];
        return new(index >= 0 ? index : named.Length + Array.IndexOf(others, arm.Name));
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
