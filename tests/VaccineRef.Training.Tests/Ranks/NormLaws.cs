using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Ranks;

/// <summary>
/// What the ball of the perturbation contains where a step has several micro-batches, or several ranks.
/// </summary>
public sealed class NormLaws
{
    // sums of at most some thousand doubles, in another order
    private const double ReorderTolerance = 1e-11;

    private const double Rho = 0.7;

    private static readonly TinyModel Tiny = RankLaws.Tiny(Family.Llama, adapted: true) with { Dropout = 0 };

    private static readonly TokenSequence[] Rows = [.. Tiny.Sequences, .. Tiny.Other("more")];

    /// <summary>
    /// Token by token, the large batch and its parts have the same gradient and the same length of the perturbation.
    /// </summary>
    [Property(MaxTest = 12)]
    public void World_is_the_ball_of_the_one_large_batch(byte cut, byte ranks, bool perSteps)
    {
        RuleOptions rule = perSteps ? new PgdVaccineOptions(Rho, Steps: 2, StepLength: 0.4) : new VaccineOptions(Rho);
        var (report, gradient) = Accumulate(rule, [PackedBatch.Pack(Rows)], 1);
        var (found, other) = Accumulate(rule, Cut(Rows, cut), 1 + (ranks % 3));
        Assert.Equal(report.SiteGradientNorm!.Value, found.SiteGradientNorm!.Value, ReorderTolerance);
        Assert.Equal(report.PerturbationNorm, found.PerturbationNorm, ReorderTolerance);
        Assert.Equal(report.Loss, found.Loss, ReorderTolerance);
        Assert.All(gradient.Zip(other), each => Assert.Equal(each.First, each.Second, ReorderTolerance));
    }

    /// <summary>What the released code does with one process for each micro-batch: N balls of radius rho.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Rank_has_the_length_rho_on_each_rank(int ranks)
    {
        PackedBatch[] batches = [.. Rows.Take(ranks).Select(row => PackedBatch.Pack([row]))];
        var (world, _) = Accumulate(new VaccineOptions(Rho), batches, ranks);
        var (rank, gradient) = Accumulate(new VaccineOptions(Rho, PerturbationNorm.Rank), batches, ranks);
        Assert.Equal(Rho, world.PerturbationNorm, Rho * Perturbation<double>.Guard / world.SiteGradientNorm!.Value);
        // each ball lacks the same share of rho at most, that of the one with the smallest gradient
        Assert.Equal(Rho * Math.Sqrt(ranks), rank.PerturbationNorm, 1e-5);
        // a ball for each process is a ball for each micro-batch, if each has one
        Assert.Equal(Accumulate(new VaccineOptions(Rho, PerturbationNorm.Batch), batches, 1).Gradient, gradient);
    }

    [Fact]
    public void On_one_rank_the_ball_of_the_rank_is_the_worlds()
    {
        PackedBatch[] batches = Cut(Rows, 5);
        var world = Accumulate(new VaccineOptions(Rho), batches, 1);
        var rank = Accumulate(new VaccineOptions(Rho, PerturbationNorm.Rank), batches, 1);
        Assert.Equal(world.Gradient, rank.Gradient);
        Assert.Equal(world.Report, rank.Report);
    }

    [Fact]
    public void With_one_micro_batch_all_balls_but_that_of_a_sequence_are_one()
    {
        foreach (Func<PerturbationNorm, RuleOptions> rule in (Func<PerturbationNorm, RuleOptions>[])[
            norm => new VaccineOptions(Rho, norm), norm => new AcceleratedVaccineOptions(Rho, 1, norm),
            norm => new PgdVaccineOptions(Rho, 3, 0.3, norm), norm => new RandomDirectionOptions(Rho, Norm: norm)])
        {
            var batch = Accumulate(rule(PerturbationNorm.Batch), [PackedBatch.Pack(Rows)], 1);
            foreach (var norm in (PerturbationNorm[])[PerturbationNorm.World, PerturbationNorm.Rank])
            {
                var other = Accumulate(rule(norm), [PackedBatch.Pack(Rows)], 1);
                Assert.Equal(batch.Gradient, other.Gradient);
                Assert.Equal(batch.Report, other.Report);
            }

            Assert.NotEqual(
                batch.Gradient, Accumulate(rule(PerturbationNorm.Sample), [PackedBatch.Pack(Rows)], 1).Gradient);
        }
    }

    [Fact]
    public void A_random_direction_is_as_long_as_Vaccines_whatever_the_ball()
    {
        PackedBatch[] batches = Cut(Rows, 9);
        foreach (var norm in Enum.GetValues<PerturbationNorm>())
            Assert.Equal(
                Accumulate(new VaccineOptions(Rho, norm), batches, 2).Report.PerturbationNorm,
                Accumulate(new RandomDirectionOptions(Rho, Norm: norm), batches, 2).Report.PerturbationNorm, 1e-5);
    }

    [Fact]
    public void Adaptive_Vaccine_refuses_what_it_does_not_have()
    {
        var error = Assert.Throws<InputException>(
            () => new AdaptiveVaccineOptions(Rho, PerturbationNorm.World).Validate("rule"));
        Assert.Contains("rule.norm", error.Message, StringComparison.Ordinal);
    }

    /// <summary>
    /// The bound that docs/scale.md states, and the library's order is another one than that of the micro-batches.
    /// </summary>
    [Property(MaxTest = 10)]
    public void A_fast_sum_is_within_its_bound(byte seed)
    {
        PackedBatch[] batches = [.. Rows.Take(3 + (seed % 4)).Select(row => PackedBatch.Pack([row]))];
        const double UnitRoundoff = 1.0 / (1 << 24);
        double terms = batches.Length - 1, bound = 2 * terms * UnitRoundoff / (1 - (terms * UnitRoundoff));
        double[] magnitudes = [], ordered = AccumulateFloats(batches, 3, GradientReduction.Ordered);
        foreach (var batch in batches)
        {
            double[] one = [.. AccumulateFloats([batch], 1, GradientReduction.Ordered)
                .Select(value => Math.Abs(value) / batches.Length)];
            magnitudes = magnitudes.Length == 0 ? one : [.. magnitudes.Zip(one, (a, b) => a + b)];
        }

        double[] fast = AccumulateFloats(batches, 3, GradientReduction.Fast);
        // the magnitudes are formed with another weight, and rounded once more
        Assert.All(
            ordered.Zip(fast, magnitudes),
            each => Assert.True(Math.Abs(each.First - each.Second) <= bound * each.Third * (1 + 1e-5)));
        Assert.NotEqual(ordered, fast);
    }

    private static PackedBatch[] Cut(TokenSequence[] rows, byte cut)
    {
        int first = 1 + (cut % 3), second = first + 1 + (cut / 3 % 2);
        return [PackedBatch.Pack(rows[..first]), PackedBatch.Pack(rows[first..second]),
            PackedBatch.Pack(rows[second..])];
    }

    private static (RuleReport Report, double[] Gradient) Accumulate(
        RuleOptions options, PackedBatch[] batches, int ranks)
    {
        (RuleReport, double[]) result = default;
        LocalRanks.Run(ranks, rank =>
        {
            using var run = new TinyRun<double>(Tiny);
            var rule = options.Make<double>(run.Device);
            using var disposable = rule as IDisposable;
            using var step = new TrainStep<double>(
                run.Model.Trainable, run.Objective, rule, new(new AdamWOptions(0.01), AccumulationWeight.Token),
                run.Device, ranks: rank);
            var report = step.Accumulate(batches);
            if (rank.Rank == 0)
                result = (report, run.Gradient);
        });
        return result;
    }

    private static double[] AccumulateFloats(PackedBatch[] batches, int ranks, GradientReduction reduction)
    {
        double[] gradient = [];
        LocalRanks.Run(Math.Min(ranks, batches.Length), rank =>
        {
            using var run = new TinyRun<float>(Tiny);
            using var step = new TrainStep<float>(
                run.Model.Trainable, run.Objective, new Plain<float>(),
                new(new AdamWOptions(0.01), Reduction: reduction), run.Device, ranks: rank);
            step.Accumulate(batches);
            if (rank.Rank == 0)
                gradient = run.Gradient;
        });
        return gradient;
    }
}
