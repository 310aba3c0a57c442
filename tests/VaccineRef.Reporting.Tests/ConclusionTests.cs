using VaccineRef.Experiments.Grid;
using Interval = VaccineRef.Reporting.Statistics.Interval;

namespace VaccineRef.Reporting.Tests;

public sealed class ConclusionTests
{
    [Fact]
    public void One_seed_proves_nothing()
    {
        var findings = Analysis.Of(Report("demo", 1));
        Assert.StartsWith("One seed proves nothing", findings.Conclusions[0], StringComparison.Ordinal);
        Assert.DoesNotContain(findings.Conclusions, sentence => sentence.Contains("holds", StringComparison.Ordinal));
        Assert.Contains("no evidence", findings.Conclusions[1], StringComparison.Ordinal);
    }

    // five seeds cannot give p below 2 / 2^5, eight can
    [Theory]
    [InlineData(5, "5 seeds cannot give an exact p below 0.0625")]
    [InlineData(8, "This holds")]
    public void What_holds_needs_its_interval_and_its_test(int seeds, string says)
    {
        var findings = Analysis.Of(Report("harmful-ratio", seeds));
        Assert.Contains("averaged over 4 attacks with harmful data", findings.Conclusions[0], StringComparison.Ordinal);
        Assert.Contains("95% interval [−", findings.Conclusions[0], StringComparison.Ordinal);
        Assert.Contains(says, findings.Conclusions[0], StringComparison.Ordinal);
    }

    /// <summary>However small the p-values are.</summary>
    [Fact]
    public void An_interval_that_contains_zero_shows_no_difference()
    {
        var findings = Analysis.Of(Report("harmful-ratio", 8));
        var primary = findings.Comparisons.First(comparison => comparison.Primary);
        var paired = primary.Paired;
        foreach (var (interval,
            starts) in ((Interval, string)[])[(new(-1, 2), "No difference in"), (new(1, 2), primary.Condition)])
        {
            var comparison = primary with { CorrectedP = 0.01, Paired = paired with { PermutationP = 0.01, Difference = paired.Difference with { Interval = interval } } };
            string[] sentences =
                [.. new Conclusions(new(findings.Report), [comparison], findings.Convergence).Sentences()];
            Assert.Contains(sentences, sentence => sentence.StartsWith(starts, StringComparison.Ordinal));
        }
    }

    /// <summary>
    /// Over all ways in which the interval, the exact test and its correction can agree or not; a p at the level
    /// speaks.
    /// </summary>
    [Fact]
    public void A_result_is_called_one_only_where_interval_test_and_correction_agree()
    {
        const double Above = 0.0500001;
        var findings = Analysis.Of(Report("harmful-ratio", 8));
        var primary = findings.Comparisons.First(comparison => comparison.Primary);
        var price = findings.Comparisons.First(comparison => !comparison.Primary
            && comparison.Condition == primary.Condition
            && comparison.Metric != primary.Metric && comparison.Attacks.SequenceEqual(primary.Attacks));
        foreach (bool zero in (bool[])[false, true])
            foreach (double exact in (double[])[Conclusions.Level, Above])
                foreach (double corrected in (double[])[Conclusions.Level, Above])
                {
                    string[] said = [.. Sentences(primary), .. Sentences(primary, price)];
                    int Saying(string what) =>
                        said.Count(sentence => sentence.Contains(what, StringComparison.Ordinal));
                    bool speaks = !zero && exact <= Conclusions.Level,
                        stands = speaks && corrected <= Conclusions.Level;
                    Assert.Equal(stands ? 3 : 0, Saying("This holds here"));
                    Assert.Equal(
                        speaks && !stands ? 2 : 0, Saying("This holds for the one comparison chosen before looking"));
                    Assert.Equal(speaks && !stands ? 1 : 0, Saying("It does not pass the correction"));
                    Assert.Equal(!zero && !speaks ? 3 : 0, Saying("not settled"));
                    Assert.Equal(zero ? 3 : 0, Saying("No difference in"));

                    IEnumerable<string> Sentences(params Comparison[] of) => new Conclusions(
                        new(findings.Report), [.. of.Select(comparison => comparison with
                        {
                            CorrectedP = corrected,
                            Paired = comparison.Paired with
                            {
                                PermutationP = exact,
                                Difference = comparison.Paired.Difference with
                                {
                                    Interval = zero ? new(-1, 2) : new(1, 2)
                                },
                            },
                        })], []).Sentences();
                }
    }

    [Fact]
    public void What_did_not_converge_is_shown_and_not_compared()
    {
        const string Failed = "Vaccine, rho = 4";
        var findings = Analysis.Of(Report("rho", 3, Failed));
        Assert.DoesNotContain(findings.Comparisons, comparison => comparison.Condition == Failed);
        Assert.Contains(findings.Comparisons, comparison => comparison.Condition == "Vaccine, rho = 2");
        Assert.Contains(
            findings.Conclusions,
            sentence => sentence.StartsWith($"{Failed}: no alignment converged", StringComparison.Ordinal));
        var table = new ScoreTables(findings, new(findings.Report)).Grid()!;
        Assert.Contains(table.Rows, row => row[0].Text == $"{Failed} †" && row[1].Text.Length > 0);
    }

    [Fact]
    public void Without_the_control_the_conclusions_say_so()
    {
        var findings = Analysis.Of(Report("demo", 3, "SFT"));
        Assert.Empty(findings.Comparisons);
        Assert.Contains("are not compared", findings.Conclusions[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Where_nothing_was_chosen_before_looking_nothing_is_primary()
    {
        var findings = Analysis.Of(Report("nothing chosen", 8));
        Assert.NotEmpty(findings.Comparisons);
        Assert.DoesNotContain(findings.Comparisons, comparison => comparison.Primary);
        Assert.Contains("No comparison was chosen before looking", findings.Conclusions[0], StringComparison.Ordinal);
    }

    // In the shape below: 5 aligned conditions besides the control, one of "all harmful attacks" and five attacks.
    [Fact]
    public void The_family_of_comparisons_is_every_aligned_condition_over_every_attack()
    {
        var report = Report("harmful-ratio", 2);
        var world = Analysis.Of(report).Comparisons;
        Assert.Equal(4 * 6 * 2, world.Count);
        Assert.DoesNotContain(world, comparison => comparison.Condition is "Non-Aligned" or "SFT");
        Assert.Equal(4 * 6 * 5, Analysis.Of(MadeUpReport.FromFiles(report)).Comparisons.Count);
        var primary = Assert.Single(world, comparison => comparison.Primary);
        Assert.Equal(["2 % harmful", "5 % harmful", "10 % harmful", "20 % harmful"], primary.Attacks);
        Assert.Equal(2 * 3 * 2, Analysis.Of(Report("models", 2)).Comparisons.Count);
        Assert.Empty(Analysis.Of(Report("cost", 2)).Comparisons);
    }

    [Fact]
    public void What_is_unfinished_or_failed_is_said()
    {
        var report = MadeUpReport.Of(MadeUpRecipes.All["demo"], 2, finished: node => !node.IsAttack) with
        {
            Failures = ["seed 10: no room"]
        };
        var findings = Analysis.Of(report);
        Assert.Equal("It was stopped before its end: 0 of 18 trials are finished.", findings.Conclusions[0]);
        Assert.Equal("This could not be computed: seed 10: no room", findings.Conclusions[^1]);
    }

    [Fact]
    public void A_run_has_measurements_and_no_statistics()
    {
        var report = MadeUpReport.Of(MadeUpRecipes.Run, 1);
        var findings = Analysis.Of(report);
        Assert.Empty(findings.Comparisons);
        Assert.Empty(findings.Estimates);
        var document = ReportDocument.Of(findings);
        var table = document.Sections[0].Tables[0];
        Assert.Equal(["pretrain", "align", "attack"], table.Rows.Select(row => row[0].Text));
        Assert.All(table.Rows, row => Assert.EndsWith(" %)", row[1].Text, StringComparison.Ordinal));
        Assert.Contains(document.Sections, section => section.Title == "Cost" && section.Tables[0].Rows.Count == 3);
        Assert.Contains(
            document.Conclusions, sentence => sentence.StartsWith("After the attack", StringComparison.Ordinal));
    }

    private static ExperimentReport Report(string shape, int seeds, string? failed = null) =>
        MadeUpReport.Of(MadeUpRecipes.All[shape], seeds, failed);
}
