using System.Text.RegularExpressions;
using System.Xml.Linq;
using VaccineRef.Experiments.Grid;

namespace VaccineRef.Reporting.Tests;

public sealed partial class HeadlineTests
{
    private const int FewResults = 15;

    public static TheoryData<string> Shapes => [.. MadeUpRecipes.All.Keys];

    [Property(MaxTest = FewResults)]
    public void A_report_begins_with_one_sentence_that_is_short(
        PositiveInt shape, PositiveInt seeds, PositiveInt length, bool failed, uint finished)
    {
        string name = string.Join(' ', Enumerable.Repeat("word", 1 + (length.Get % 12)));
        string recipe = MadeUpRecipes.All.Values.ElementAt(shape.Get % MadeUpRecipes.All.Count);
        if (shape.Get % 3 == 0)
            recipe = recipe.Replace("Vaccine, rho = 1", name, StringComparison.Ordinal).Replace(
                "\"SFT\"", $"\"SFT {name}\"", StringComparison.Ordinal);
        var report = MadeUpReport.Of(
            recipe, 1 + (seeds.Get % 9), failed ? "SFT" : null,
            node => !node.IsAttack || (node.Trial.Seed + finished) % 7 != 0);
        string sentence = Document(report).Headline;
        Assert.InRange(Headline.Words(sentence), 1, Headline.MostWords);
        Assert.EndsWith(".", sentence, StringComparison.Ordinal);
        Assert.DoesNotMatch(@"\.\s", sentence);
    }

    [Theory]
    [InlineData("demo", 8, @"^Averaged over 2 attacks, Vaccine, rho = 1 has a harmful score \d+\.\d points below SFT’s \(95 % interval \d+\.\d to \d+\.\d\)\.$")]
    [InlineData("demo", 5, @"points below SFT’s \(95 % interval \d+\.\d to \d+\.\d, not settled\)\.$")]
    [InlineData("demo", 1, @"^Averaged over 2 attacks, on one seed, .* below SFT’s; that proves nothing\.$")]
    [InlineData("rho", 8, @"^With 10 % harmful data, Vaccine, rho = 1 has a harmful score \d+\.\d points below SFT’s")]
    [InlineData("cost", 3, "^Nothing was attacked")]
    [InlineData("nothing chosen", 8, @"^No comparison was chosen beforehand; ")]
    public void It_says_what_was_found(string shape, int seeds, string says) =>
        Assert.Matches(says, Document(MadeUpReport.Of(MadeUpRecipes.All[shape], seeds)).Headline);

    [Fact]
    public void It_says_the_primary_difference_and_its_interval()
    {
        var findings = Analysis.Of(MadeUpReport.Of(MadeUpRecipes.All["rho"], 8));
        var difference = findings.Comparisons[0].Paired.Difference;
        string Number(double value) => NumberFormat.Fixed(-value, 1);
        Assert.EndsWith(
            $"{Number(difference.Mean)} points below SFT’s (95 % interval {Number(difference.Interval!.Value.High)} to {Number(difference.Interval.Value.Low)}).",
            ReportDocument.Of(findings).Headline, StringComparison.Ordinal);
    }

    [Fact]
    public void A_method_that_equals_the_control_differs_from_nothing()
    {
        string recipe = MadeUpRecipes.Recipe(
            "same", """ "method": {"SFT": {}, "Vaccine, rho = 1": {"align.rule": {"kind": "vaccine", "rho": 1}}} """);
        var report = MadeUpReport.Of(recipe, 8);
        var hashes = report.Trials.Where(trial => trial.Condition == "SFT").ToDictionary(
            trial => trial.Seed, trial => report.Attacked(trial)!);
        report = report with
        {
            Stages = report.Stages.ToDictionary(stage => stage.Key, stage =>
                report.Trials.FirstOrDefault(trial => trial.Attack is not null
                    && report.Attacked(trial) == stage.Value) is { } trial
                    ? stage.Value with { Measured = hashes[trial.Seed].Measured } : stage.Value),
        };
        Assert.Equal(
            "With 10 % harmful data, no difference in harmful score between Vaccine, rho = 1 and SFT is shown (95 % interval 0.0 to 0.0).",
            Document(report).Headline);
    }

    [Fact]
    public void A_sweep_compares_every_strength_with_the_control_and_only_what_the_recipe_names_is_primary()
    {
        string[] strengths = ["Vaccine, rho = 0.1", "Vaccine, rho = 1", "Vaccine, rho = 2", "Vaccine, rho = 4"];
        string recipe = MadeUpRecipes.All["rho"];
        Assert.Equal(strengths, Compared(recipe).Select(each => each.Condition).Order(StringComparer.Ordinal));
        Assert.Equal("Vaccine, rho = 1", Assert.Single(Compared(recipe), each => each.Primary).Condition);
        string unnamed = recipe.Replace(
            "\"primary\": \"Vaccine, rho = 1\"", "\"primary\": null", StringComparison.Ordinal);
        Assert.Equal(strengths, Compared(unnamed).Select(each => each.Condition).Order(StringComparer.Ordinal));
        Assert.DoesNotContain(Compared(unnamed), each => each.Primary);
        Assert.StartsWith(
            "No comparison was chosen beforehand; furthest from SFT in harmful score is Vaccine, rho = 4, ",
            Document(MadeUpReport.Of(unnamed, 8)).Headline, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void The_page_and_the_Markdown_begin_with_the_finding_the_picture_and_the_world(string shape)
    {
        var report = MadeUpReport.Of(MadeUpRecipes.All[shape], 2);
        var document = Document(report);
        var header = XDocument.Parse(HtmlPage.Of(document)).Root!.Element("body")!.Element("header")!;
        string[] parts = document.Picture is null
            ? ["h1", "finding", "world", "under"]
            : ["h1", "finding", "picture", "world", "under"];
        Assert.Equal(parts, header.Elements().Select(part => part.Attribute("class")?.Value ?? part.Name.LocalName));
        Assert.Equal(document.Headline, header.Elements().ElementAt(1).Value);
        Assert.Equal(3, document.World.Count);
        Assert.All(document.World, sentence => Assert.Single(sentence, '.'));
        string[] lines = [.. MarkdownPage.Of(document).Split('\n', StringSplitOptions.RemoveEmptyEntries)];
        Assert.Equal(MarkdownText.Line(document.Headline), lines[1]);
        Assert.Equal(document.Picture is not null, lines[2].StartsWith("![", StringComparison.Ordinal));
        Assert.Empty(Document(MadeUpReport.FromFiles(report)).World);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void P_is_a_p_value_in_every_text(string shape)
    {
        var document = Document(MadeUpReport.Of(MadeUpRecipes.All[shape], 3));
        // a p-value stands behind its test, or is named as one
        foreach (string text in (string[])[XDocument.Parse(HtmlPage.Of(document)).Root!.Element("body")!.ToString(),
            MarkdownPage.Of(document)])
        {
            string plain = PValue().Replace(Tag().Replace(text, "\n"), "");
            Assert.DoesNotMatch(LoneP(), plain);
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Tables_have_the_same_numbers_without_gaps_on_both_pages(string shape)
    {
        var document = Document(MadeUpReport.Of(MadeUpRecipes.All[shape], 3));
        int own = document.Sections.Sum(section => section.Tables.Count(table => !table.IsPublished));
        string[] expected = [.. Enumerable.Range(1, own).Select(number => $"Table {number}")];
        Assert.Equal(expected, XDocument.Parse(HtmlPage.Of(document)).Descendants("figcaption")
            .Select(caption => caption.Element("b")!.Value)
            .Where(name => name.StartsWith("Table", StringComparison.Ordinal)));
        Assert.Equal(expected, TableLine().Matches(MarkdownPage.Of(document)).Select(match => match.Groups[1].Value));
    }

    [Fact]
    public void Statistics_are_folded_on_the_screen_and_open_in_print()
    {
        var page = XDocument.Parse(HtmlPage.Of(Document(MadeUpReport.Of(MadeUpRecipes.All["demo"], 3))));
        string[] folded = [.. page.Descendants("details").Select(part => part.Element("summary")!.Value)];
        Assert.Equal(["Comparisons", "Every measure", "Settings", "Data and machine"], folded);
        string print = HtmlPage.Style().Split("@media print")[1];
        Assert.Contains("details::details-content { content-visibility: visible;", print, StringComparison.Ordinal);
    }

    [Fact]
    public void Lines_are_named_at_their_ends_and_each_seed_is_a_faint_dot()
    {
        const int Seeds = 3, Attacks = 5;
        var report = MadeUpReport.Of(MadeUpRecipes.All["harmful-ratio"], Seeds);
        var figure = Document(report).Picture!;
        Assert.Empty(figure.Key);
        var svg = Assert.Single(figure.Panels).Svg("a");
        var names = svg.Elements().Where(each => each.Attribute("class")?.Value == "name").ToArray();
        Assert.Equal(report.Conditions, names.Select(name => name.Value));
        double[] heights = [.. names.Select(name => double.Parse(name.Attribute("y")!.Value, System.Globalization.CultureInfo.InvariantCulture)).Order()];
        Assert.All(heights.Zip(heights.Skip(1)), pair => Assert.True(pair.Second - pair.First >= EndLabel.Gap - 0.02));
        int faint = svg.Descendants()
            .Count(each => each.Attribute("style")?.Value.Contains("fill-opacity", StringComparison.Ordinal) == true);
        Assert.Equal(report.Conditions.Count * Attacks * Seeds, faint);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_grid_with_an_attack_begins_with_a_picture_that_names_every_condition(string shape)
    {
        foreach (int seeds in (int[])[1, 3])
        {
            var report = MadeUpReport.Of(MadeUpRecipes.All[shape], seeds);
            var picture = Document(report).Picture;
            Assert.Equal(report.Attacks.Count == 0, picture is null);
            if (picture is not null)
                Assert.Equal(report.Conditions, Assert.Single(picture.Panels).Svg("a").Elements()
                    .Where(each => each.Attribute("class")?.Value == "name").Select(name => name.Value));
        }
    }

    [Property]
    public void Names_are_moved_apart_in_order_and_stay_in_the_picture(NonEmptyArray<byte> wanted)
    {
        const double Low = 5, High = 250, Rounding = 1e-9;
        double[] heights = [.. wanted.Get.Select(each => Math.Clamp((double)each, Low, High))];
        double[] places = EndLabel.Spread(heights, EndLabel.Gap, Low, High);
        double gap = heights.Length == 1 ? EndLabel.Gap : Math.Min(EndLabel.Gap, (High - Low) / (heights.Length - 1));
        Assert.All(places, place => Assert.InRange(place, Low - Rounding, High + Rounding));
        var sorted = heights.Zip(places).OrderBy(each => each.First).ThenBy(each => each.Second).ToArray();
        Assert.All(
            sorted.Zip(sorted.Skip(1)), pair => Assert.True(pair.Second.Second - pair.First.Second >= gap - Rounding));
        if (sorted.Zip(sorted.Skip(1)).All(pair => pair.Second.First - pair.First.First >= gap))
            Assert.Equal(heights, places);
    }

    private static ReportDocument Document(ExperimentReport report) => ReportDocument.Of(Analysis.Of(report));

    private static Comparison[] Compared(string recipe) =>
        [.. Analysis.Of(MadeUpReport.Of(recipe, 2)).Comparisons
            .Where(each => each.Metric == ReportMetric.HarmfulScore)];

    [GeneratedRegex(@"(permutation|sign test|comparisons) p (=|<|\\<|&lt;) |exact p below|test's p after|p: (permutation|sign|corrected)|(?m)^p$")]
    private static partial Regex PValue();

    [GeneratedRegex(@"<[^>]*>")]
    private static partial Regex Tag();

    [GeneratedRegex(@"\bp\b(?!\w)", RegexOptions.None)]
    private static partial Regex LoneP();

    [GeneratedRegex(@"(?m)^(Table \d+)\. ")]
    private static partial Regex TableLine();
}
