using System.Globalization;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Series;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>
/// A panel of a figure, drawn by OxyPlot. Its SVG fixes colours and sizes and gives clip paths names that repeat from
/// picture to picture; <see cref="Svg"/> turns colours into the page's variables, sizes into a view box, and makes the
/// names the panel's own.
/// </summary>
internal sealed partial class Chart
{
    internal const int Width = 440, Height = 300, SwatchWidth = 34, SwatchHeight = 14;
    private const double Room = 0.06, BandOpacity = 0.16, SeedSize = 2.2, SeedOpacity = 0.35;

    // browsers set the labels wider than OxyPlot measures them
    private const double TitleDistance = 6, TitleDistanceBesideLabels = 18;
    private static readonly string[] Variables =
        ["ink", "axis", "grid", "paper", .. Enumerable.Range(0, SeriesStyle.Colors).Select(i => $"series-{i}")];

    private readonly PlotModel _model;
    private readonly LinearAxis _x, _y;
    private readonly List<EndLabel> _labels = [];

    /// <param name="title">What it shows, for the caption and for those who cannot see it.</param>
    /// <param name="x">The horizontal axis.</param>
    /// <param name="y">The vertical axis.</param>
    /// <param name="percent">Whether the vertical axis is a percentage from 0 to 100.</param>
    public Chart(string title, string x, string y, bool percent)
    {
        Title = title;
        _x = Axis(AxisPosition.Bottom, x);
        _y = Axis(AxisPosition.Left, y);
        _y.MajorGridlineStyle = LineStyle.Solid;
        if (percent)
            (_y.Minimum, _y.Maximum, _y.MajorStep) = (-3, 103, 25);
        _model = new PlotModel
        {
            DefaultFont = "Arial",
            DefaultFontSize = 12,
            TextColor = Variable("ink"),
            PlotAreaBorderThickness = new OxyThickness(0),
            Background = OxyColors.Undefined,
            Padding = new OxyThickness(2, 6, 10, 2),
        };
        _model.Axes.Add(_x);
        _model.Axes.Add(_y);
    }

    /// <summary>What it shows.</summary>
    public string Title { get; }

    /// <summary>
    /// How wide it is: names at the ends of lines stand right of the axes and take room of their own.
    /// </summary>
    public int FullWidth => Width + EndLabel.Room(_labels);

    /// <summary>A number that OxyPlot takes for a colour and that stands for a variable of the style sheet.</summary>
    public static OxyColor Variable(string name) => OxyColor.FromRgb(1, 2, (byte)Array.IndexOf(Variables, name));

    /// <summary>Labels the horizontal axis at these places only.</summary>
    public Chart TicksAt(IReadOnlyList<double> places)
    {
        _x.MajorStep = places.Count > 1 ? places.Zip(places.Skip(1), (a, b) => b - a).Min() : double.NaN;
        _x.LabelFormatter = place => places.Any(p => Math.Abs(p - place) < 1e-9)
            ? NumberFormat.Plain((decimal)Math.Round(place, 9))
            : "";
        return this;
    }

    /// <summary>
    /// A percentage on the horizontal axis too; with rows, which are counted downwards from 0, in place of a vertical
    /// axis.
    /// </summary>
    public Chart PercentAcross(int rows = 0)
    {
        if (rows > 0)
            (_y.Minimum, _y.Maximum, _y.IsAxisVisible) = (0.5 - rows, 0.5, false);
        (_x.Minimum, _x.Maximum, _x.MajorStep, _x.MajorGridlineStyle) = (-3, 103, 25, LineStyle.Solid);
        return this;
    }

    /// <summary>The vertical axis begins at 0.</summary>
    public Chart FromZero()
    {
        _y.Minimum = 0;
        return this;
    }

    /// <summary>Means joined by a line, with a band where there are intervals.</summary>
    public void Band(SeriesStyle style, IReadOnlyList<(double X, Estimate Y)> points, bool withBand = true)
    {
        var band = new AreaSeries { Color = OxyColors.Transparent, Fill = OxyColor.FromAColor((byte)(255 * BandOpacity), style.Color) };
        foreach (var (x, y) in points.Where(point => point.Y.Interval is not null))
        {
            band.Points.Add(new(x, y.Interval!.Value.Low));
            band.Points2.Add(new(x, y.Interval.Value.High));
        }

        if (withBand && band.Points.Count > 0)
            _model.Series.Add(band);
        Line(style, [.. points.Select(point => (point.X, point.Y.Mean))]);
    }

    /// <summary>Points joined by a line.</summary>
    public void Line(SeriesStyle style, IReadOnlyList<(double X, double Y)> points, bool markers = true)
    {
        var line = new LineSeries { Color = style.Color, StrokeThickness = 1.8, LineStyle = style.Dash, LineJoin = LineJoin.Round };
        line.Points.AddRange(points.Select(point => new DataPoint(point.X, point.Y)));
        _model.Series.Add(line);
        if (markers)
            Points(style, points);
    }

    /// <summary>Points.</summary>
    public void Points(SeriesStyle style, IReadOnlyList<(double X, double Y)> points, double size = 4)
    {
        var series = new ScatterSeries
        {
            MarkerType = style.Shape,
            MarkerSize = style.Shape is MarkerType.Diamond or MarkerType.Triangle ? size * 1.15 : size,
            MarkerFill = style.Hollow ? OxyColors.Transparent : style.Color,
            MarkerStroke = style.Hollow ? style.Color : Variable("paper"),
            MarkerStrokeThickness = style.Hollow ? 1.3 : 0.8,
        };
        series.Points.AddRange(points.Select(point => new ScatterPoint(point.X, point.Y)));
        _model.Series.Add(series);
    }

    /// <summary>One seed each: small and faint, so that the means stay what is seen first.</summary>
    public void Seeds(SeriesStyle style, IReadOnlyList<(double X, double Y)> points)
    {
        var series = new ScatterSeries
        {
            MarkerType = MarkerType.Circle,
            MarkerSize = SeedSize,
            MarkerFill = OxyColor.FromAColor((byte)(255 * SeedOpacity), style.Color),
            MarkerStrokeThickness = 0,
        };
        series.Points.AddRange(points.Select(point => new ScatterPoint(point.X, point.Y)));
        _model.Series.Add(series);
    }

    /// <summary>Writes a name at the end of a line.</summary>
    public void Name(SeriesStyle style, string name, (double X, double Y) end) =>
        _labels.Add(new(style, name, end.X, end.Y));

    /// <summary>Intervals as bars, upright and across.</summary>
    public void Intervals(SeriesStyle style, double x, double y, Interval? across, Interval? upright)
    {
        void Bar(double x0, double y0, double x1, double y1)
        {
            var bar = new LineSeries { Color = style.Color, StrokeThickness = 1.3 };
            bar.Points.Add(new(x0, y0));
            bar.Points.Add(new(x1, y1));
            _model.Series.Add(bar);
        }

        if (across is { } wide)
            Bar(wide.Low, y, wide.High, y);
        if (upright is { } high)
            Bar(x, high.Low, x, high.High);
    }

    /// <summary>The panel as SVG.</summary>
    /// <param name="id">A name that no other panel of the page has.</param>
    public XElement Svg(string id)
    {
        _model.Padding = new OxyThickness(2, 6, 10 + EndLabel.Room(_labels), 2);
        var svg = Drawn(FullWidth, Height, id);
        svg.Add(EndLabel.Drawn(_labels, svg.Name.Namespace, _x, _y));
        svg.SetAttributeValue("role", "img");
        svg.SetAttributeValue("aria-label", Title);
        svg.SetAttributeValue("class", "chart");
        return svg;
    }

    /// <summary>What is drawn, alone and small.</summary>
    public XElement Swatch()
    {
        (_x.IsAxisVisible, _y.IsAxisVisible) = (false, false);
        (_y.Minimum, _y.Maximum, _x.Minimum, _x.Maximum) = (-1, 1, -0.1, 1.1);
        _model.Padding = new OxyThickness(0);
        _model.PlotMargins = new OxyThickness(0);
        var svg = Drawn(SwatchWidth, SwatchHeight, "key");
        foreach (var clipped in svg.Descendants().Attributes("clip-path").ToArray())
            clipped.Remove();
        svg.Descendants().Where(element => element.Name.LocalName == "defs").Remove();
        svg.SetAttributeValue("aria-hidden", "true");
        svg.SetAttributeValue("width", SwatchWidth);
        svg.SetAttributeValue("height", SwatchHeight);
        return svg;
    }

    private static LinearAxis Axis(AxisPosition position, string title) => new()
    {
        Position = position,
        Title = title.Length > 0 ? title : null,
        AxislineStyle = LineStyle.Solid,
        AxislineColor = Variable("axis"),
        TicklineColor = Variable("axis"),
        MajorGridlineColor = Variable("grid"),
        MinorTickSize = 0,
        MajorTickSize = 4,
        TickStyle = TickStyle.Outside,
        MinimumPadding = Room,
        MaximumPadding = Room,
        AxisTitleDistance = position == AxisPosition.Left ? TitleDistanceBesideLabels : TitleDistance,
        LabelFormatter = place => NumberFormat.Plain((decimal)Math.Round(place, 9)),
        IsZoomEnabled = false,
    };

    private XElement Drawn(int width, int height, string id)
    {
        var svg = XElement.Parse(
            new SvgExporter { Width = width, Height = height, IsDocument = false }.ExportToString(_model));
        svg.SetAttributeValue("width", null);
        svg.SetAttributeValue("height", null);
        svg.SetAttributeValue("version", null);
        svg.Attributes().Where(attribute => attribute.IsNamespaceDeclaration && attribute.Name.LocalName == "xlink")
            .Remove();
        svg.SetAttributeValue("viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {width} {height}"));
        foreach (var element in svg.Descendants())
            Adapt(element, id);
        // a colour that is no variable would be wrong in one of light and dark
        return Color().IsMatch(svg.ToString())
            ? throw new InvalidOperationException($"a fixed colour in {Title}")
            : svg;
    }

    private static void Adapt(XElement element, string id)
    {
        element.SetAttributeValue("font-family", null);
        element.SetAttributeValue("font-weight", null);
        if (element.Attribute("fill") is { } fill)
        {
            element.SetAttributeValue("style", $"fill:{fill.Value}");
            fill.Remove();
        }

        foreach (var attribute in element.Attributes())
        {
            attribute.Value = Color().Replace(
                attribute.Value,
                match => $"var(--{Variables[int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture)]})");
            if (attribute.Name == "id")
                attribute.Value = $"{id}-{attribute.Value}";
            if (attribute.Name == "clip-path")
                attribute.Value = attribute.Value.Replace("#", $"#{id}-", StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"rgb\(1,2,(\d+)\)")]
    private static partial Regex Color();
}
