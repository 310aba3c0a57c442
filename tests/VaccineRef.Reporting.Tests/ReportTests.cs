using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using VaccineRef.Experiments.Grid;
using VaccineRef.Reporting.TensorBoard;

namespace VaccineRef.Reporting.Tests;

public sealed partial class ReportTests : IDisposable
{
    private const string Rich = "harmful-ratio";
    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref").FullName;

    public static TheoryData<string> Shapes => [.. MadeUpRecipes.All.Keys];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_page_the_Markdown_and_the_JSON_say_the_same(string shape)
    {
        var findings = ReportWriter.Write(Report(shape, 3), _folder);
        string[][] html = [.. Page().Descendants("tbody").Elements("tr")
            .Select(row => row.Elements().Select(cell => cell.Value).ToArray())];
        var markdown = Markdown();
        Assert.All(html, row => Assert.Contains(markdown, other => other.SequenceEqual(row)));
        Assert.True(html.Length > 10);

        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, ReportWriter.Json)));
        Assert.Equal(ExperimentReport.CurrentSchema, json.RootElement.GetProperty("schema").GetString());
        Assert.Equal(
            findings.Conclusions,
            json.RootElement.GetProperty("conclusions").EnumerateArray().Select(each => each.GetString()));
        Assert.Equal(
            findings.Conclusions, Page().Descendants("li").Take(findings.Conclusions.Count).Select(item => item.Value));
        var cells = html.SelectMany(row => row).ToHashSet();
        var metrics = Enum.GetValues<ReportMetric>()
            .ToDictionary(metric => JsonNamingPolicy.SnakeCaseLower.ConvertName(metric.ToString()));
        foreach (var estimate in json.RootElement.GetProperty("estimates").EnumerateArray())
        {
            var over = estimate.GetProperty("over");
            var interval = over.GetProperty("interval");
            int decimals = metrics[estimate.GetProperty("metric").GetString()!].Decimals();
            string Text(JsonElement number) => NumberFormat.Fixed(number.GetDouble(), decimals);
            string one = Text(over.GetProperty("mean"));
            Assert.Contains(interval.ValueKind == JsonValueKind.Null
                ? one : $"{one} [{Text(interval.GetProperty("low"))}, {Text(interval.GetProperty("high"))}]", cells);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Tables_and_figures_are_numbered_without_gaps(string shape)
    {
        ReportWriter.Write(Report(shape, 3), _folder);
        string[] names = [.. Page().Descendants("figcaption").Select(caption => caption.Element("b")!.Value)];
        foreach (string kind in (string[])["Table ", "Figure "])
        {
            string[] numbered = [.. names.Where(name => name.StartsWith(kind, StringComparison.Ordinal))];
            Assert.Equal(Enumerable.Range(1, numbered.Length).Select(number => $"{kind}{number}"), numbered);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_first_picture_is_a_file_of_its_own(string shape)
    {
        var report = Report(shape, 3);
        ReportWriter.Write(report, _folder);
        string path = Path.Combine(_folder, ReportWriter.Figure);
        Assert.Equal(
            Page().Descendants("figure").Any(figure => figure.Attribute("class")?.Value == "picture"),
            File.Exists(path));
        if (!File.Exists(path))
            return;
        var svg = XDocument.Load(path).Root!;
        string text = File.ReadAllText(path);
        Assert.All(report.Conditions, condition => Assert.Contains(condition, svg.Value));
        Assert.DoesNotContain(
            "http", text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal),
            StringComparison.OrdinalIgnoreCase);
        string[] ids = [.. svg.Descendants().Attributes("id").Select(id => id.Value)];
        Assert.All(Url().Matches(text), match => Assert.Contains(match.Value[5..^1], ids));
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_page_needs_nothing_but_itself(string shape)
    {
        ReportWriter.Write(Report(shape, 2), _folder);
        string text = File.ReadAllText(Path.Combine(_folder, ReportWriter.Html));
        var page = Page();
        Assert.Empty(page.Descendants("script"));
        Assert.DoesNotContain(page.Descendants().Attributes().Select(attribute => attribute.Name.LocalName), name =>
            name is "src" or "href" or "srcset" or "data" or "action" or "poster"
                || name.StartsWith("on", StringComparison.Ordinal));
        Assert.DoesNotContain(
            "http", text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal),
            StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("@import", text, StringComparison.Ordinal);
        Assert.All(Url().Matches(text), match => Assert.StartsWith("url(#", match.Value, StringComparison.Ordinal));
        string[] ids = [.. page.Descendants().Attributes("id").Select(id => id.Value)];
        Assert.Equal(ids.Length, ids.Distinct().Count());
        Assert.All(Url().Matches(text), match => Assert.Contains(match.Value[5..^1], ids));
        // what HTML reads otherwise than XML: raw text in style, elements closed in their own tag
        string style = page.Descendants("style").Single().Value;
        Assert.DoesNotContain('<', style);
        Assert.DoesNotContain('&', style);
        Assert.DoesNotContain('>', style);
        Assert.DoesNotMatch("<(td|th|div|p|span|li|ul|title)( [^>]*)?/>", text);
    }

    [Fact]
    public void Pictures_are_drawn_in_the_pages_colours()
    {
        ReportWriter.Write(Report(Rich, 3), _folder);
        var pictures = Pictures();
        // against the share; worst; against the step; hidden embeddings
        Assert.Equal(2 + 3 + 4 + 2, pictures.Length);
        string style = Page().Descendants("style").Single().Value;
        Assert.All(pictures, picture =>
        {
            Assert.NotEmpty(picture.Attribute("aria-label")!.Value);
            Assert.DoesNotContain("rgb(", picture.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain("NaN", picture.ToString(), StringComparison.Ordinal);
            Assert.All(
                Variable().Matches(picture.ToString()),
                match => Assert.Contains($"{match.Groups[1].Value}:", style, StringComparison.Ordinal));
        });
    }

    [Theory]
    [InlineData(Rich, "HS, % against the share of harmful data")]
    [InlineData("controls", "HS, % against the share of harmful data")]
    [InlineData("samples", "HS, % against the number n of the user's examples")]
    [InlineData("rho", "Harmful score against fine-tune accuracy")]
    public void What_a_grid_varies_is_drawn(string shape, string title)
    {
        ReportWriter.Write(Report(shape, 2), _folder);
        Assert.Contains(Pictures(), picture => picture.Attribute("aria-label")!.Value == title);
    }

    // the attack of three times the steps has a share that another attack has too: it is no point of their line
    [Fact]
    public void Attacks_of_one_family_differ_only_in_share_and_number()
    {
        var report = Report("controls", 1);
        var families = report.Trials.DistinctBy(trial => trial.Attack).ToLookup(
            trial => trial.AttackFamily, trial => trial.HarmfulShare);
        Assert.Equal([[0m, 0.05m, 0.1m], [0.1m]], families.Select(family => family.ToArray()));
        Assert.All(report.Trials, trial => Assert.Equal(400, trial.AttackExamples));
        Assert.Single(Report("samples", 1).Trials.Select(trial => trial.AttackFamily).Distinct());
    }

    [Fact]
    public void A_share_is_written_in_words_and_p_is_a_p_value()
    {
        ReportWriter.Write(Report(Rich, 3), _folder);
        string[] before = [.. ShareAsP().Matches(Page().Value).Select(match => match.Groups[1].Value).Distinct()];
        Assert.All(before, word => Assert.Contains(word, (string[])["permutation", "test", "comparisons"]));
        Assert.Contains("10 % harmful", Page().Value, StringComparison.Ordinal);
    }

    [Fact]
    public void The_same_report_gives_the_same_files()
    {
        string[] Files()
        {
            ReportWriter.Write(Report("rho", 3), _folder);
            return [.. Directory.GetFiles(_folder).Order(StringComparer.Ordinal).Select(File.ReadAllText)];
        }

        Assert.Equal(Files(), Files());
    }

    [Fact]
    public void Curves_become_event_files()
    {
        var report = Report("demo", 2);
        using var events = new TrialEvents(_folder, TimeProvider.System);
        Assert.Equal(report.Trials.Count, events.Complete(report));
        string[] files = Directory.GetFiles(
            Path.Combine(_folder, TrialEvents.Folder), $"*{EventFile.Marker}*", SearchOption.AllDirectories);
        Assert.Equal(2 * 3 * 3, files.Length);
    }

    // of "a/b" and "a:b" no file system makes two folders
    [Fact]
    public void Two_names_that_make_one_folder_keep_two_curves()
    {
        string grid = """ "method": {"a/b": {}, "a:b": {"align.rule": {"kind": "vaccine", "rho": 1}}, "..": {"align.rule": {"kind": "vaccine", "rho": 2}}} """;
        using var events = new TrialEvents(_folder, TimeProvider.System);
        int written = events.Complete(MadeUpReport.Of(MadeUpRecipes.Recipe("names", grid), 1));
        string root = Path.Combine(_folder, TrialEvents.Folder);
        Assert.Equal((3, 3), (written, Directory.GetFiles(root, "*", SearchOption.AllDirectories).Length));
        Assert.Equal([TrialEvents.Folder], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName));
    }

    // a bell and half a surrogate pair are in no XML; the rest would be markup in one of the two pages
    [Fact]
    public void A_name_with_markup_breaks_no_page()
    {
        const string Name = "a | b <script>x</script> & [c](d) `e` *f* \\\\ \\u0007 \\n # g";
        const string Written = "a | b <script>x</script> & [c](d) `e` *f* \\ ";
        string grid = $$""" "method": {"SFT": {}, "{{Name}}": {"align.rule": {"kind": "vaccine", "rho": 1} } } """;
        var report = MadeUpReport.Of(MadeUpRecipes.Recipe("names", grid, primary: $"\"{Name}\""), 2) with
        {
            Title = "<b> | \u0007 \ud800"
        };
        var findings = ReportWriter.Write(report, _folder);
        Assert.Contains(Written, findings.Comparisons[0].Condition, StringComparison.Ordinal);
        Assert.Contains(Page().Descendants("th"), cell => cell.Value.StartsWith(Written, StringComparison.Ordinal));
        Assert.Empty(Page().Descendants("script"));
        string own = $"]({ReportWriter.Figure})";           // the page's only link: its first picture
        Assert.DoesNotContain(
            File.ReadAllLines(Path.Combine(_folder, ReportWriter.Markdown)),
            line => Unescaped().IsMatch(line.EndsWith(own, StringComparison.Ordinal) ? line[..^own.Length] : line));
        Assert.Contains(Markdown(), row => row[0].StartsWith(Written, StringComparison.Ordinal));
        Assert.Equal(report.Conditions[0], ReportWriter.Read(_folder).Conditions[0]);
    }

    private static ExperimentReport Report(string shape, int seeds, string? failed = null) =>
        MadeUpReport.Of(MadeUpRecipes.All[shape], seeds, failed);

    private XElement Page() =>
        XDocument.Load(Path.Combine(_folder, ReportWriter.Html), LoadOptions.PreserveWhitespace).Root!;

    private XElement[] Pictures()
    {
        XNamespace svg = "http://www.w3.org/2000/svg";
        return [.. Page().Descendants(svg + "svg").Where(each => each.Attribute("role")?.Value == "img")];
    }

    /// <summary>The rows of all tables, with what was escaped as it was.</summary>
    private string[][] Markdown() =>
    [
        .. File.ReadAllLines(Path.Combine(_folder, ReportWriter.Markdown)).Where(line => line.StartsWith('|'))
            .Select(line => line[2..^2].Split(" | ").Select(cell => Escaped().Replace(cell, "$1")).ToArray()),
    ];

    [GeneratedRegex(@"url\([^)]*\)")]
    private static partial Regex Url();

    [GeneratedRegex(@"var\((--[a-z0-9-]+)\)")]
    private static partial Regex Variable();

    [GeneratedRegex(@"(\w+) p = ")]
    private static partial Regex ShareAsP();

    [GeneratedRegex(@"\\(.)")]
    private static partial Regex Escaped();

    [GeneratedRegex(@"(?<!\\)(<|\]\()")]
    private static partial Regex Unescaped();
}
