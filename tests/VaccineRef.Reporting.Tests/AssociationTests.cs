using System.Text.Json;
using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting.Tests;

/// <summary>Rank correlations, and what goes with harm in whole reports.</summary>
public sealed class AssociationTests
{
    private const double Rounding = 1e-12;
    private const string Rank = "effective rank of the drift", Cosine = "cosine of drift and df/de",
        Primary = "Vaccine, rho = 1";
    private static readonly RandomStream Stream = RandomStream.FromSeed(3);

    private static Gen<(double[] X, double[] Y)> Pairs(int most, int values) =>
        from n in Gen.Choose(3, most)
        from x in Gen.Choose(-values, values).Select(k => k / 7.0).ArrayOf(n)
        from y in Gen.Choose(-values, values).Select(k => k / 7.0).ArrayOf(n)
        select (x, y);

    [Property]
    public Property A_rank_correlation_sees_the_order_alone() => Prop.ForAll(Pairs(12, 6).ToArbitrary(), pairs =>
    {
        var (x, y) = pairs;
        double? seen = RankCorrelation.Of(x, y);
        Assert.Equal(seen, RankCorrelation.Of(y, x));
        Assert.Equal(seen, RankCorrelation.Of([.. x.Select(value => Math.Exp(value) - 3)], y));
        Assert.Equal(-seen, RankCorrelation.Of([.. x.Select(value => -value)], y));
        Assert.Equal(seen is null, x.Distinct().Count() == 1 || y.Distinct().Count() == 1);
        Assert.InRange(seen ?? 0, -1 - Rounding, 1 + Rounding);
        if (x.Distinct().Count() > 1)
            Assert.Equal(1, RankCorrelation.Of(x, x)!.Value, Rounding);
    });

    /// <summary>Without ties, 1 - 6 sum d^2 / (n (n^2 - 1)), where d is the distance of the places.</summary>
    [Property]
    public Property Without_ties_it_is_Spearmans_formula() => Prop.ForAll(Pairs(12, 1_000_000).ToArbitrary(), pairs =>
    {
        var (x, y) = pairs;
        if (x.Distinct().Count() < x.Length || y.Distinct().Count() < y.Length)
            return;
        static int[] Places(double[] values) => [.. values.Select(value => values.Count(other => other <= value))];
        double n = x.Length, distance = Places(x).Zip(Places(y), (a, b) => (double)(a - b) * (a - b)).Sum();
        Assert.Equal(1 - (6 * distance / (n * ((n * n) - 1))), RankCorrelation.Of(x, y)!.Value, Rounding);
    });

    [Fact]
    public void Equal_values_share_their_places()
    {
        Assert.Equal([2.5, 1, 2.5, 4], RankCorrelation.Ranks([3, 1, 3, 9]));
        // places (1.5, 1.5, 3) and (1, 2, 3) about their mean 2: (0.5 + 0 + 1) / sqrt(1.5 * 2)
        Assert.Equal(1.5 / Math.Sqrt(3), RankCorrelation.Of([0, 0, 1], [1, 2, 3])!.Value, Rounding);
        Assert.Null(RankCorrelation.Of([1, 2], [1, 2]));
    }

    // Of the 24 orders of four values, two are as far from 0 as the order itself: 1/12. Draws: 2^14, deviation 0.0022.
    [Fact]
    public void The_permutation_test_counts_orders()
    {
        Assert.Equal(1 / 12.0, RankCorrelation.PermutationP([1, 2, 3, 4], [1, 2, 3, 4], Stream)!.Value, 4 * 0.0022);
        Assert.Equal(1, RankCorrelation.PermutationP([1, 2, 3, 4, 5], [1, 3, 5, 3, 1], Stream)!.Value);
        Assert.Null(RankCorrelation.PermutationP([1, 1, 1, 1], [1, 2, 3, 4], Stream));
    }

    /// <summary>
    /// A rank that rises with HS, and a cosine that falls with it, are found as that in every form of the report.
    /// </summary>
    [Fact]
    public void What_goes_with_harm_is_found_and_stands_in_every_form_of_the_report()
    {
        var report = WithGeometry(seeds: 6);
        string folder = Directory.CreateTempSubdirectory("vaccineref").FullName;
        try
        {
            var findings = ReportWriter.Write(report, folder);
            Association Of(string quantity) => findings.Associations!.Single(each => each.Quantity == quantity);
            Assert.Equal(1, Of(Rank).AcrossConditions!.Mean, Rounding);
            Assert.Equal(-1, Of(Cosine).AcrossConditions!.Mean, Rounding);
            Assert.Equal((1, -1, 6), (Of(Rank).AcrossSeeds!.Value, Of(Cosine).AcrossSeeds!.Value, Of(Rank).Seeds));
            // before the attack the losses of the made-up report are the same everywhere, and say nothing
            Assert.Equal(
                ["sharpness", "‖e‖"],
                findings.Associations!.Where(each => each.BeforeAttack).Select(each => each.Quantity));
            Assert.Equal(-Of("‖e‖").AcrossConditions!.Mean, Of("sharpness").AcrossConditions!.Mean, Rounding);
            string[] pages = [File.ReadAllText(Path.Combine(folder, ReportWriter.Markdown)),
                File.ReadAllText(Path.Combine(folder, ReportWriter.Html))];
            Assert.All(pages, page => Assert.Contains("What goes with harm", page));
            Assert.All(pages, page => Assert.Contains(Rank, page));
            using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, ReportWriter.Json)));
            Assert.Equal(findings.Associations!.Count, json.RootElement.GetProperty("associations").GetArrayLength());
            Assert.Equal(findings.ToJson(), Analysis.Of(ReportWriter.Read(folder)).ToJson());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>
    /// Methods of the fine-tuning that share an alignment do not count several times for what is known before the
    /// attack.
    /// </summary>
    [Fact]
    public void An_alignment_counts_once_for_what_is_known_before_the_attack()
    {
        var report = WithGeometry(seeds: 6);
        double? Of(ExperimentReport from, string quantity) =>
            Analysis.Of(from).Associations!.SingleOrDefault(each => each.Quantity == quantity)?.AcrossConditions?.Mean;
        // two of the five share an alignment: four are left, too few for a correlation; after the attack nothing
        // changes
        var shared = report with
        {
            Trials =
            [
                .. report.Trials.Select(trial => trial.Condition == "noise" ? trial with { Stages = WithAlignmentOf(report.Trials, trial) } : trial),
            ],
        };
        Assert.Null(Of(shared, "‖e‖"));
        Assert.Equal(Of(report, Rank), Of(shared, Rank));
        Assert.NotNull(Of(report, "‖e‖"));
    }

    [Fact]
    public void Nothing_is_said_of_few_seeds_or_unless_it_was_asked_for()
    {
        Assert.Null(Analysis.Of(Made(6)).Associations);
        Assert.All(Analysis.Of(WithGeometry(seeds: 4)).Associations!, each => Assert.Null(each.AcrossSeeds));
        var unnamed = WithGeometry(seeds: 6);
        Assert.All(
            Analysis.Of(unnamed with { Options = unnamed.Options with { Primary = null } }).Associations!,
            each => Assert.Null(each.AcrossSeeds));
    }

    [Fact]
    public void What_did_not_converge_says_nothing()
    {
        var findings = Analysis.Of(WithGeometry(seeds: 6, failed: Primary));
        Assert.DoesNotContain(
            findings.Associations ?? [], each => each.AcrossSeeds is not null || each.AcrossConditions is not null);
    }

    /// <summary>
    /// The stages of a trial, but for those before the attack: they are those of the seed's first trial.
    /// </summary>
    private static IReadOnlyList<TrialStage> WithAlignmentOf(
        IReadOnlyList<ReportedTrial> trials, ReportedTrial trial) =>
    [
        .. trials.First(other => other.Seed == trial.Seed).Stages.Where(stage => stage.Name != "attack"),
        .. trial.Stages.Where(stage => stage.Name == "attack"),
    ];

    private static ExperimentReport Made(int seeds, string? failed = null)
    {
        string recipe = MadeUpRecipes.Recipe("strengths", """
            "method": {
                "SFT": {}, "noise": {"align.rule": {"kind": "random", "variance": 0.04} },
                "Vaccine, rho = 1": {"align.rule": {"kind": "vaccine", "rho": 1} }, "Vaccine, rho = 2": {"align.rule": {"kind": "vaccine", "rho": 2} },
                "Vaccine, rho = 4": {"align.rule": {"kind": "vaccine", "rho": 4} }
            },
            "attack.data.harmful_ratio": [0, 0.02, 0.05]
            """);
        return MadeUpReport.Of(recipe, seeds, failed);
    }

    /// <summary>
    /// A report in which the effective rank is HS in other units, the cosine its opposite, and the sharpness that of
    /// ‖e‖.
    /// </summary>
    private static ExperimentReport WithGeometry(int seeds, string? failed = null)
    {
        var report = Made(seeds, failed);
        return report with { Stages = report.Stages.ToDictionary(stage => stage.Key, stage => With(stage.Value)) };

        static StageResult With(StageResult stage)
        {
            if (stage.Measured is not { } measured)
                return stage;
            if (measured.Drift is null)
                return stage with { Measured = measured with { Sharpness = -measured.HiddenNorm } };
            double harm = measured.Find(Metrics.HarmfulScore)!.Percentage / 100;
            return stage with
            {
                Measured = measured with { DriftGeometry = new([1 + harm, 3 + harm], -harm, [-harm, -harm]) }
            };
        }
    }
}
