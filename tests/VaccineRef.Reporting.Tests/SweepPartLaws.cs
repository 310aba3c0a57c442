using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting.Tests;

/// <summary>Every part of a sweep counts: each attack, each pass of each stage, each coordinate of a place.</summary>
public sealed class SweepPartLaws
{
    private static ExperimentReport Report() => MadeUpReport.Of(MadeUpRecipes.All["controls"], 2);

    /// <summary>A worst case over fewer attacks than the others had would look better than it is.</summary>
    [Fact]
    public void A_seed_on_which_any_attack_is_missing_has_no_worst_case()
    {
        var report = Report();
        Assert.True(report.Attacks.Count > 1);
        Assert.All(new Sweep(new(report)).WorstCases(), each => Assert.Equal(2, each.Seeds.Count));
        foreach (string condition in report.Conditions)
            foreach (string attack in report.Attacks)
            {
                var missing = report.Trials.First(trial => trial.Condition == condition && trial.Attack == attack);
                var rest = report with
                {
                    Stages = report.Stages.Where(stage => stage.Key != missing.Stages[^1].Hash).ToDictionary()
                };
                Assert.All(new Sweep(new(rest)).WorstCases(), each => Assert.Equal(
                    each.Condition == condition || condition == report.Control,
                    each.Seeds.All(seed => seed.Seed != missing.Seed)));
            }
    }

    /// <summary>
    /// Passes of the alignment and of the attack, forward and reverse, whatever numbers they are; and the most memory.
    /// </summary>
    [Fact]
    public void The_cost_of_a_condition_is_that_of_both_its_stages()
    {
        var report = Report();
        report = report with
        {
            Stages = report.Stages.Select((stage, i) => (stage.Key, Value: stage.Value with
            {
                Cost = stage.Value.Cost is { } cost
                    ? cost with
                    {
                        ForwardsPerStep = 1 + i,
                        ReversesPerStep = 1 + (i * i),
                        PeakBytes = 1000 * (1 + (7 * i % 11))
                    }
                    : null,
            })).ToDictionary(stage => stage.Key, stage => stage.Value),
        };
        foreach (var each in new Sweep(new(report)).WorstCases())
        {
            var costs = report.Trials.Where(trial => trial.Condition == each.Condition && trial.Attack is not null)
                .Select(trial => ((TrainingCost?[])[report.Alignment(trial)?.Cost, report.Attacked(trial)!.Cost]).OfType<TrainingCost>().ToArray())
                .ToArray();
            Assert.Equal(
                costs.Average(both => both.Sum(cost => cost.ForwardsPerStep + cost.ReversesPerStep)),
                each.PassesPerStep, 1e-9);
            Assert.Equal(costs.Max(both => both.Max(cost => cost.PeakBytes)), each.PeakBytes);
        }
    }

    public static TheoryData<string> Coordinates => [.. Better.Keys];

    private static readonly Dictionary<string, Func<WorstCase, WorstCase>> Better = new()
    {
        ["harmful score"] = of => of with { HarmfulScore = Moved(of.HarmfulScore!, -1) },
        ["accuracy"] = of => of with { Accuracy = Moved(of.Accuracy, 1) },
        ["passes"] = of => of with { PassesPerStep = of.PassesPerStep - 1 },
        ["memory"] = of => of with { PeakBytes = of.PeakBytes - 1 },
    };

    /// <summary>Better in one coordinate alone dominates; better in one and worse in another does not.</summary>
    [Theory]
    [MemberData(nameof(Coordinates))]
    public void Every_coordinate_has_its_direction(string coordinate)
    {
        WorstCase one = Case("one"), better = Better[coordinate](Case("better"));
        var only = Assert.Single(Sweep.Dominations([one, better]));
        Assert.Equal(("better", "one"), (only.Better, only.Worse));
        Assert.Equal(Better.Count, one.Place!.Length);
        foreach (string other in Better.Keys.Where(key => key != coordinate))
            Assert.Empty(Sweep.Dominations([Better[other](one), better]));
        Assert.Empty(Sweep.Dominations([one, better with { Model = "another" }]));
    }

    private static WorstCase Case(string name) =>
        new("model", name, Mean(30), Mean(40), Mean(20), Mean(70), 6, 1000, []);

    private static Estimate Mean(double value) => Estimate.Of([value], Analysis.Resampling);

    private static Estimate Moved(Estimate estimate, double by) => estimate with { Mean = estimate.Mean + by };
}
