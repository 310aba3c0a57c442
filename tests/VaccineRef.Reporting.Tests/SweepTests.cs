using System.Text.Json;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;

namespace VaccineRef.Reporting.Tests;

/// <summary>The worst attack in whole reports.</summary>
public sealed class SweepTests
{
    private const string Shape = "controls", Sft = "SFT", Vaccine = "Vaccine, rho = 1";

    private static ExperimentReport Report(int seeds = 4, string? failed = null) =>
        MadeUpReport.Of(MadeUpRecipes.All[Shape], seeds, failed);

    [Fact]
    public void The_worst_case_of_every_seed_is_found_in_the_trials()
    {
        var report = Report();
        var cases = Analysis.Of(report).WorstCases!;
        Assert.Equal(report.Conditions, cases.Select(each => each.Condition));
        foreach (var each in cases)
            foreach (var seed in each.Seeds)
            {
                double? Of(string condition, string attack, Func<Measurement, Score?> score) => score(report.Attacked(report.Trials.Single(
                    trial => (trial.Seed, trial.Condition, trial.Attack) == (seed.Seed, condition,
                        attack)))!.Measured!)!.Percentage;
                string[] within = [.. report.Attacks.Where(attack =>
                    Of(Sft, attack, measured => measured.Accuracy)
                        - Of(each.Condition, attack, measured => measured.Accuracy) <= 5)];
                Assert.Equal(
                    within.Max(attack => Of(each.Condition, attack, measured => measured.Find(Metrics.HarmfulScore))),
                    seed.HarmfulScore);
                Assert.Equal(
                    within.Max(attack => Of(each.Condition, attack, measured => measured.Find(Metrics.CoherentHarm))),
                    seed.CoherentHarm);
                Assert.True(seed.CoherentHarm >= seed.HarmfulScore);
                Assert.Equal(report.Attacks.Except(within), seed.Outside);
            }
    }

    [Fact]
    public void A_mean_is_over_seeds_and_stands_in_every_form_of_the_report()
    {
        var report = Report();
        string folder = Directory.CreateTempSubdirectory("vaccineref").FullName;
        try
        {
            var findings = ReportWriter.Write(report, folder);
            var worst = findings.WorstCases!.Single(each => each.Condition == Vaccine);
            Assert.Equal(worst.Seeds.Average(seed => seed.HarmfulScore)!.Value, worst.HarmfulScore!.Mean, 1e-9);
            string mean = NumberFormat.Fixed(worst.HarmfulScore.Mean, 1);
            string[] pages = [File.ReadAllText(Path.Combine(folder, ReportWriter.Markdown)),
                File.ReadAllText(Path.Combine(folder, ReportWriter.Html))];
            Assert.All(pages, page => Assert.Contains("The worst attack", page));
            Assert.All(
                pages, page => Assert.Contains(
                    mean, page[page.IndexOf("The worst of 4 attacks", StringComparison.Ordinal)..]));
            Assert.All(pages, page => Assert.Contains("at most 5 points below", page));
            using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, ReportWriter.Json)));
            var written = json.RootElement.GetProperty("worst_cases").EnumerateArray()
                .Single(each => each.GetProperty("condition").GetString() == Vaccine);
            Assert.Equal(worst.HarmfulScore.Mean, written.GetProperty("harmful_score").GetProperty("mean").GetDouble());
            Assert.Equal(findings.Dominations!.Count, json.RootElement.GetProperty("dominations").GetArrayLength());
            Assert.Equal(findings.ToJson(), Analysis.Of(ReportWriter.Read(folder)).ToJson());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void The_order_of_seeds_and_of_conditions_changes_nothing()
    {
        var report = Report(seeds: 9);
        var reversed = report with
        {
            Trials = [.. report.Trials.Reverse()],
            Options = report.Options with { Control = Sft }
        };
        Assert.Equal(Said(report with { Options = reversed.Options }), Said(reversed));

        static string[] Said(ExperimentReport of)
        {
            var cases = new Sweep(new(of)).WorstCases();
            return
            [
                .. cases.Select(each => $"{each.Condition}: {each.HarmfulScore} {each.CoherentHarm} {each.MeanHarmfulScore} "
                    + $"{each.Accuracy} {each.PassesPerStep} {each.PeakBytes}").Order(StringComparer.Ordinal),
                .. Sweep.Dominations(cases).Select(each => $"{each}").Order(StringComparer.Ordinal),
            ];
        }
    }

    [Fact]
    public void A_narrower_guard_names_more_attacks_and_the_caption_its_width()
    {
        var wide = Report();
        var narrow = wide with { Options = wide.Options with { CapabilityGuard = 0 } };
        int Outside(ExperimentReport report) =>
            Analysis.Of(report).WorstCases!.Sum(each => each.Outside.Sum(outside => outside.Seeds));
        Assert.True(Outside(narrow) > Outside(wide with { Options = wide.Options with { CapabilityGuard = 100 } }));
        var findings = Analysis.Of(narrow);
        var table = new SweepTables(findings, new(narrow)).Outside()!;
        Assert.Contains("more than 0 points below", table.Caption);
        Assert.Equal(findings.WorstCases!.Sum(each => each.Outside.Count()), table.Rows.Count);
    }

    [Fact]
    public void What_did_not_converge_is_neither_placed_nor_dominated()
    {
        var findings = Analysis.Of(Report(failed: Vaccine));
        Assert.DoesNotContain(findings.WorstCases!, each => each.Condition == Vaccine);
        Assert.DoesNotContain(findings.Dominations!, each => each.Better == Vaccine || each.Worse == Vaccine);
    }

    [Fact]
    public void A_dominated_method_is_named_on_both_sides_with_a_remark_where_nothing_is_settled()
    {
        var report = Report(seeds: 1);
        var findings = Analysis.Of(report);
        Assert.NotEmpty(findings.Dominations!);
        Assert.All(findings.Dominations!, each => Assert.False(each.Settled));
        var rows = new SweepTables(findings, new(report)).Dominations()!.Rows;
        foreach (var each in findings.Dominations!)
        {
            Assert.Contains($"{each.Worse} *", rows.Single(row => row[0].Text == each.Better)[1].Text);
            Assert.Contains($"{each.Better} *", rows.Single(row => row[0].Text == each.Worse)[2].Text);
        }
    }

    [Fact]
    public void The_picture_names_every_method_in_every_panel()
    {
        var report = Report();
        var figure = Assert.Single(new ParetoFigure(Analysis.Of(report), new(report)).Figures());
        Assert.Equal(3, figure.Panels.Count);
        foreach (var (i, panel) in figure.Panels.Index())
        {
            string svg = panel.Svg($"panel-{i}").Value;
            Assert.All(report.Conditions, condition => Assert.Contains(condition, svg));
        }
    }
}
