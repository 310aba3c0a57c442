using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using VaccineRef.Experiments.Lab;
using VaccineRef.Reporting.TensorBoard;

namespace VaccineRef.Reporting.Tests;

public sealed partial class LabReportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("vaccineref").FullName;

    public static TheoryData<string> Presets => [.. LabPresets.Known.Select(preset => preset.Name), LabPresets.Demo.Name];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Presets))]
    public void The_page_the_Markdown_and_the_JSON_say_the_same(string name)
    {
        var findings = LabReportWriter.Write(MadeUpLab.Report(Preset(name), 3), _folder);
        var page = Page();
        string[][] Rows(IEnumerable<XElement> rows) =>
            [.. rows.Select(row => row.Elements().Select(cell => cell.Value).ToArray())];
        string[][] html = [.. Rows(page.Descendants("tbody").Elements("tr")).OrderBy(row => string.Join('|', row), StringComparer.Ordinal)];
        string[][] markdown =
        [
            .. File.ReadAllLines(Path.Combine(_folder, LabReportWriter.Markdown)).Where(line => line.StartsWith('|'))
                .Select((line, i) => (line, i)).Select(entry => entry.line[2..^2].Split(" | "))
                .OrderBy(row => string.Join('|', row), StringComparer.Ordinal),
        ];
        Assert.All(html, row => Assert.Contains(markdown, other => other.SequenceEqual(row)));
        Assert.True(html.Length > 10);

        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, LabReportWriter.Json)));
        Assert.Equal(findings.Verdict, json.RootElement.GetProperty("verdict").EnumerateArray().Select(each => each.GetString()));
        Assert.Equal(findings.Verdict, page.Descendants("li").Take(findings.Verdict.Count).Select(item => item.Value));
        var cells = html.SelectMany(row => row).ToHashSet();
        foreach (var estimate in json.RootElement.GetProperty("estimates").EnumerateArray())
        {
            var over = estimate.GetProperty("over");
            var interval = over.GetProperty("interval");
            int decimals = Enum.Parse<LabMetric>(estimate.GetProperty("metric").GetString()!).Decimals();
            string Text(JsonElement number) => Shown.Fixed(number.GetDouble(), decimals);
            string one = Text(over.GetProperty("mean"));
            // the base has an estimate of its own even where the preset shows no row of it
            Assert.True(
                estimate.GetProperty("arm").GetString() == LabArm.NonAligned.Name
                || cells.Contains(interval.ValueKind == JsonValueKind.Null
                    ? one : $"{one} [{Text(interval.GetProperty("low"))}, {Text(interval.GetProperty("high"))}]"));
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void The_page_needs_nothing_but_itself(string name)
    {
        LabReportWriter.Write(MadeUpLab.Report(Preset(name), 2), _folder);
        string text = File.ReadAllText(Path.Combine(_folder, LabReportWriter.Html));
        var page = Page();
        Assert.Empty(page.Descendants("script"));
        Assert.DoesNotContain(page.Descendants().Attributes().Select(attribute => attribute.Name.LocalName), name =>
            name is "src" or "href" or "srcset" or "data" or "action" or "poster" || name.StartsWith("on", StringComparison.Ordinal));
        Assert.DoesNotContain("http", text.Replace("http://www.w3.org/2000/svg", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase);
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
        LabReportWriter.Write(MadeUpLab.Report(Preset("harmful-ratio"), 3), _folder);
        XNamespace svg = "http://www.w3.org/2000/svg";
        var pictures = Page().Descendants(svg + "svg").Where(each => each.Attribute("role")?.Value == "img").ToArray();
        Assert.Equal(2 + 4 + 2, pictures.Length);        // against p; against step; hidden embeddings
        string style = Page().Descendants("style").Single().Value;
        Assert.All(pictures, picture =>
        {
            Assert.NotEmpty(picture.Attribute("aria-label")!.Value);
            Assert.DoesNotContain("rgb(", picture.ToString(), StringComparison.Ordinal);
            Assert.DoesNotContain("NaN", picture.ToString(), StringComparison.Ordinal);
            Assert.All(Variable().Matches(picture.ToString()), match => Assert.Contains($"{match.Groups[1].Value}:", style, StringComparison.Ordinal));
        });
    }

    [Fact]
    public void The_same_report_gives_the_same_files()
    {
        string[] Files()
        {
            LabReportWriter.Write(MadeUpLab.Report(Preset("rho"), 3), _folder);
            return [.. Directory.GetFiles(_folder).Order(StringComparer.Ordinal).Select(File.ReadAllText)];
        }

        Assert.Equal(Files(), Files());
    }

    [Fact]
    public void One_seed_proves_nothing()
    {
        var findings = LabReportWriter.Write(MadeUpLab.Report(Preset("demo"), 1), _folder);
        Assert.StartsWith("One seed proves nothing", findings.Verdict[0], StringComparison.Ordinal);
        Assert.DoesNotContain(findings.Verdict, sentence => sentence.Contains("holds", StringComparison.Ordinal));
        Assert.Contains("no evidence", findings.Verdict[1], StringComparison.Ordinal);
    }

    // five seeds cannot give p below 2 / 2^5, eight can
    [Theory]
    [InlineData(5, "5 seeds cannot give an exact p below 0.0625")]
    [InlineData(8, "This holds")]
    public void What_holds_needs_its_interval_and_its_test(int seeds, string says)
    {
        var findings = LabReportWriter.Write(MadeUpLab.Report(Preset("harmful-ratio"), seeds), _folder);
        Assert.Contains("95% interval [−", findings.Verdict[0], StringComparison.Ordinal);
        Assert.Contains(says, findings.Verdict[0], StringComparison.Ordinal);
    }

    [Fact]
    public void What_did_not_converge_is_shown_and_not_compared()
    {
        string failed = LabArm.Vaccine(4).Name;
        var findings = LabReportWriter.Write(MadeUpLab.Report(Preset("rho"), 3, failed), _folder);
        Assert.DoesNotContain(findings.Comparisons, comparison => comparison.Arm == failed);
        Assert.Contains(findings.Comparisons, comparison => comparison.Arm == LabArm.Vaccine(2).Name);
        Assert.Contains(findings.Verdict, sentence => sentence.StartsWith($"{failed}: no alignment converged", StringComparison.Ordinal));
        Assert.Contains(Page().Descendants("th"), cell => cell.Value == $"{failed} †");
    }

    [Fact]
    public void Without_the_primary_arm_the_verdict_says_so()
    {
        var findings = LabReportWriter.Write(MadeUpLab.Report(Preset("harmful-ratio"), 3, LabArm.Sft.Name), _folder);
        Assert.Empty(findings.Comparisons);
        Assert.Contains("are not compared", findings.Verdict[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Curves_become_event_files()
    {
        var report = MadeUpLab.Report(Preset("demo"), 2);
        Assert.Equal(report.Results.Count(result => result.Curve.Count > 0), LabEvents.Write(report, _folder, TimeProvider.System));
        string[] files = Directory.GetFiles(Path.Combine(_folder, LabEvents.Folder), $"*{EventFile.Marker}*", SearchOption.AllDirectories);
        Assert.Equal(2 * 3 * 3, files.Length);
    }

    private static LabPreset Preset(string name) => name == LabPresets.Demo.Name ? LabPresets.Demo : LabPresets.Named(name)[0];

    private XElement Page() =>
        XDocument.Load(Path.Combine(_folder, LabReportWriter.Html), LoadOptions.PreserveWhitespace).Root!;

    [GeneratedRegex(@"url\([^)]*\)")]
    private static partial Regex Url();

    [GeneratedRegex(@"var\((--[a-z0-9-]+)\)")]
    private static partial Regex Variable();
}
