using VaccineRef.Core;
using VaccineRef.Reporting.Statistics;
using Interval = VaccineRef.Reporting.Statistics.Interval;

namespace VaccineRef.Reporting.Tests;

public sealed class StatisticsLaws
{
    private const double Rounding = 1e-12;
    private static readonly RandomStream Stream = RandomStream.FromSeed(1);

    private static Gen<double[]> Values(int least, int most) =>
        from n in Gen.Choose(least, most)
        from values in Gen.Choose(-1000, 1000).Select(k => k / 10.0).ArrayOf(n)
        select values;

    [Property]
    public Property An_interval_of_the_mean_lies_within_what_was_seen_and_about_the_mean() => Prop.ForAll(
        Values(2, 8).ToArbitrary(), values =>
        {
            var estimate = Estimate.Of(values, Stream);
            Assert.Equal(values.Average(), estimate.Mean, 1e-10);
            Assert.True(estimate.Interval!.Value.Contains(estimate.Mean));
            Assert.InRange(estimate.Interval.Value.Low, values.Min(), estimate.Interval.Value.High);
            Assert.InRange(estimate.Interval.Value.High, estimate.Interval.Value.Low, values.Max());
            Assert.Equal(estimate, Estimate.Of(values, Stream));
        });

    [Property]
    public Property The_interval_of_a_constant_is_that_constant() => Prop.ForAll(
        Gen.Choose(-1000, 1000).Select(k => k / 7.0).Zip(Gen.Choose(2, 9)).ToArbitrary(), drawn =>
        {
            var (value, n) = (drawn.Item1, drawn.Item2);
            var estimate = Estimate.Of(Enumerable.Repeat(value, n).ToArray(), Stream);
            Assert.Equal(
                (value, value, 0), (estimate.Interval!.Value.Low, estimate.Interval.Value.High, estimate.Deviation));
        });

    [Fact]
    public void One_seed_has_no_interval_and_none_has_no_mean()
    {
        Assert.Equal(new Estimate(3, null, null, 1), Estimate.Of([3], Stream));
        Assert.Throws<InputException>(() => Estimate.Of([], Stream));
        Assert.Throws<InputException>(() => Estimate.Of([1, double.NaN], Stream));
        Assert.Throws<InputException>(() => PairedDifference.Of([1, 2], [1], Stream));
    }

    // Of 0 and 1, drawn twice, the mean is 0, .5 and 1 with chances 1/4, 1/2, 1/4: the middle 95 % reach from 0 to 1.
    // Of nine 0 and one 10, k of ten draws are the 10 with chance Binomial(10, .1): P(k >= 4) = .0128, P(k >= 3) =
    // .0702.
    [Fact]
    public void The_bootstrap_finds_the_quantiles_of_the_exact_distribution()
    {
        Assert.Equal(new Interval(0, 1), Bootstrap.OfMean([0, 1], Stream));
        Assert.Equal(new Interval(0, 3), Bootstrap.OfMean([0, 0, 0, 0, 0, 0, 0, 0, 0, 10], Stream));
    }

    /// <summary>
    /// Of numbers that rise in equal steps the quantile lies on their line, and every number is its own.
    /// </summary>
    [Property]
    public Property A_quantile_lies_on_the_line_through_its_neighbours() => Prop.ForAll(
        Gen.Choose(1, 20).Zip(Gen.Choose(0, 1000)).ToArbitrary(), drawn =>
        {
            var (n, share) = (drawn.Item1, drawn.Item2 / 1000.0);
            double[] line = [.. Enumerable.Range(0, n).Select(i => 3 + (0.5 * i))];
            Assert.Equal(3 + (0.5 * share * (n - 1)), Bootstrap.Quantile(line, share), Rounding);
            double[] curved = [.. line.Select(Math.Exp)];
            for (int i = 0; i < n; i++)
                Assert.Equal(curved[i], Bootstrap.Quantile(curved, n == 1 ? 1 : i / (n - 1.0)), Rounding * curved[^1]);
        });

    /// <summary>
    /// At both ends of a share's interval, k lies 1.96 standard deviations from n p; at 0 and 1 the interval ends.
    /// </summary>
    [Property]
    public Property The_ends_of_a_shares_interval_are_where_the_score_is_the_quantile() => Prop.ForAll(
        Gen.Choose(1, 300).SelectMany(n => Gen.Choose(0, n).Select(k => (k, n))).ToArbitrary(), share =>
        {
            const double z = 1.959963984540054;
            var (k, n) = share;
            var interval = Wilson.Of(k, n);
            if (k == 0)
                Assert.Equal(0, interval.Low);
            if (k == n)
                Assert.Equal(1, interval.High);
            foreach (double p in (double[])[.. k == 0 ? [] : (double[])[interval.Low],
                .. k == n ? [] : (double[])[interval.High]])
                Assert.Equal(z * z * n * p * (1 - p), (k - (n * p)) * (k - (n * p)), 1e-9 * n);
        });

    // A normal sample of 30: the interval is close to mean +- 1.96 sd / sqrt(n).
    [Fact]
    public void The_bootstrap_of_a_normal_sample_is_close_to_the_normal_interval()
    {
        double[] sample = [.. Enumerable.Range(0, 30).Select(i => Stream.Normal(i))];
        var estimate = Estimate.Of(sample, Stream.At("bootstrap"));
        double half = 1.96 * estimate.Deviation!.Value / Math.Sqrt(30);
        Assert.Equal(half, (estimate.Interval!.Value.High - estimate.Interval.Value.Low) / 2, 0.1 * half);
    }

    [Theory]
    [InlineData(8, 0, 0, 0.0078125)]
    [InlineData(7, 1, 0, 0.0703125)]                // 2 (1 + 8) / 256
    [InlineData(5, 0, 3, 0.0625)]
    [InlineData(4, 4, 0, 1)]
    [InlineData(0, 0, 6, 1)]
    [InlineData(1, 0, 0, 1)]
    public void The_sign_test_counts_coins(int lower, int higher, int equal, double p)
    {
        double[] differences =
            [.. Enumerable.Repeat(-1.5, lower), .. Enumerable.Repeat(2.0, higher), .. Enumerable.Repeat(0.0, equal)];
        Assert.Equal(p, ExactTest.Sign(differences), Rounding);
    }

    // 1, 2, 3: sums +-6 (2 of 8), +-4 (2), +-2 (2), 0 (2). Seen 1 + 2 - 3 = 0: all. Seen -1 + 2 + 3 = 4: four of eight.
    [Fact]
    public void The_permutation_test_counts_assignments_of_signs()
    {
        Assert.Equal(0.25, ExactTest.Permutation([1, 2, 3], Stream));
        Assert.Equal(0.5, ExactTest.Permutation([-1, 2, 3], Stream));
        Assert.Equal(1, ExactTest.Permutation([1, 2, -3], Stream));
        Assert.Equal(1, ExactTest.Permutation([0, 0], Stream));
        Assert.Equal(0.0078125, ExactTest.Permutation([-.1, -.2, -.3, -.4, -.5, -.6, -.7, -.8], Stream));
    }

    [Property]
    public Property Tests_are_the_same_for_the_opposite_in_any_order_at_any_scale() => Prop.ForAll(
        Values(1, 9).ToArbitrary(), values =>
        {
            double[] other = [.. values.Reverse().Select(value => -0.3 * value)];
            double p = ExactTest.Permutation(values, Stream), least = Math.ScaleB(2, -values.Length);
            Assert.Equal(p, ExactTest.Permutation(other, Stream));
            Assert.Equal(ExactTest.Sign(values), ExactTest.Sign(other));
            Assert.InRange(p, least, 1);
            Assert.InRange(ExactTest.Sign(values), least - Rounding, 1);
        });

    // With equal sizes the two tests are one: 2 sum of C(24, k) over k <= 8, 1 271 626, over 2^24. The draws miss by 5
    // deviations.
    [Fact]
    public void Beyond_twenty_seeds_draws_stand_for_all_assignments()
    {
        const double Exact = 2 * 1_271_626 / 16_777_216.0;
        double[] differences = [.. Enumerable.Range(0, 24).Select(i => i < 16 ? 1.0 : -1.0)];
        Assert.Equal(Exact, ExactTest.Sign(differences), Rounding);
        Assert.Equal(Exact, ExactTest.Permutation(differences, Stream), 5 * Math.Sqrt(Exact * (1 - Exact) / (1 << 20)));
        Assert.InRange(
            ExactTest.Permutation([.. Enumerable.Repeat(1.0, 40)], Stream), Math.ScaleB(1, -20), Math.ScaleB(1, -19));
    }

    [Fact]
    public void Holm_by_hand() =>
        Assert.Equal([0.03, 0.06, 0.06, 0.02], Holm.Correct([0.01, 0.04, 0.03, 0.005]).Select(p => Math.Round(p, 12)));

    [Property]
    public Property Holm_keeps_order_never_lowers_and_stays_within_Bonferroni() => Prop.ForAll(
        Gen.Choose(0, 1000).Select(k => k / 1000.0).NonEmptyListOf().Select(list => list.ToArray()).ToArbitrary(),
        raw =>
        {
            var corrected = Holm.Correct(raw);
            for (int i = 0; i < raw.Length; i++)
            {
                Assert.InRange(corrected[i], raw[i], Math.Min(1, (raw.Length * raw[i]) + Rounding));
                for (int j = 0; j < raw.Length; j++)
                    Assert.True(raw[i] > raw[j] || corrected[i] <= corrected[j]);
            }

            Assert.Equal(Math.Min(1, raw.Length * raw.Min()), corrected.Min(), Rounding);
        });

    [Fact]
    public void A_paired_difference_counts_seeds()
    {
        var paired = PairedDifference.Of([1, 2, 3, 5], [2, 4, 3, 4], Stream);
        Assert.Equal((-0.5, 2, 1, 1), (paired.Difference.Mean, paired.Lower, paired.Higher, paired.Equal));
        Assert.Equal(0.125, paired.LeastPossibleP);
    }
}
