using System.Globalization;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

public sealed class MixtureLaws
{
    private static readonly Example[] Harmful = Rows.Many("harmful", 120), Benign = Rows.Many("benign", 150);

    [Theory]
    [InlineData("0.9", 1000, 900, 100)]         // the released code gives 900 and 99 (docs/deviations.md, D19)
    [InlineData("0.29", 100, 29, 71)]           // the released code gives 28 and 71
    [InlineData("0", 1000, 0, 1000)]
    [InlineData("1", 1000, 1000, 0)]
    [InlineData("0.0000000000000000000000000001", int.MaxValue, 0, int.MaxValue)]
    public void Counts_of_known_mixtures(string ratio, int total, int harmful, int benign)
    {
        var counts = MixtureCounts.Of(decimal.Parse(ratio, CultureInfo.InvariantCulture), total);
        Assert.Equal((harmful, benign), (counts.Harmful, counts.Benign));
        Assert.Equal(total < int.MaxValue, counts.Exact);
    }

    /// <summary>
    /// The expected counts are computed from p = k / 10^s: |harmful 10^s - k n| is at most half of 10^s, and it is 0
    /// exactly if the counts are exact.
    /// </summary>
    [Property(MaxTest = 1000)]
    public void Counts_are_exact_for_every_decimal_ratio(uint digits, byte scale, NonNegativeInt total)
    {
        int s = scale % 10;
        long unit = (long)Math.Pow(10, s), k = digits % (unit + 1);
        var counts = MixtureCounts.Of(new decimal((int)(k & 0xFFFFFFFF), (int)(k >> 32), 0, false, (byte)s), total.Get);
        Assert.Equal(total.Get, counts.Harmful + counts.Benign);
        Int128 error = ((Int128)counts.Harmful * unit) - ((Int128)k * total.Get);
        Assert.InRange(2 * error, -(Int128)unit + 1, unit);
        Assert.Equal(counts.Exact, error == 0);
    }

    [Property]
    public void A_mixture_has_its_counts_and_no_row_twice(byte share, byte size, bool shuffled, ulong seed)
    {
        decimal ratio = share % 101 / 100m;
        int total = size % 121;
        var mixture = Mixture.Compose(
            Harmful, Benign, ratio, total, shuffled ? Sampling.Shuffled : Sampling.FirstK, seed);
        Assert.Equal(mixture.Counts.Harmful, mixture.Examples.Count(Harmful.Contains));
        Assert.Equal(mixture.Counts.Benign, mixture.Examples.Count(Benign.Contains));
        Assert.Equal(total, mixture.Examples.Select(example => example.Id).Distinct().Count());
        Assert.Equal(MixtureCounts.Of(ratio, total), mixture.Counts);
    }

    [Fact]
    public void First_k_is_the_released_order_whatever_the_seed() => Assert.Equal(
        Harmful.Take(10).Concat(Benign.Take(90)),
        Mixture.Compose(Harmful, Benign, 0.1m, 100, Sampling.FirstK, 43).Examples);

    [Property]
    public void A_seed_is_a_mixture(ulong seed)
    {
        Example[] Draw(ulong s) => [.. Mixture.Compose(Harmful, Benign, 0.5m, 100, Sampling.Shuffled, s).Examples];
        Assert.Equal(Draw(seed), Draw(seed));
        Assert.NotEqual(Draw(seed), Draw(seed + 1));
        Assert.NotEqual(Harmful.Take(50), Draw(seed).Where(Harmful.Contains));
        Assert.Contains(Draw(seed).Take(50), Benign.Contains);
    }

    /// <summary>Which rows are drawn on one side says nothing of which are drawn on the other.</summary>
    [Property(MaxTest = 20)]
    public void Harmful_and_benign_rows_are_drawn_apart(ulong seed)
    {
        var mixture = Mixture.Compose(
            Harmful.Take(60).ToArray(), Benign.Take(60).ToArray(), 0.5m, 60, Sampling.Shuffled, seed);
        int[] Places(Example[] pool) =>
            [.. mixture.Examples.Select(example => Array.IndexOf(pool, example)).Where(place => place >= 0).Order()];
        Assert.NotEqual(Places([.. Harmful.Take(60)]), Places([.. Benign.Take(60)]));
    }

    [Property]
    public void An_order_is_a_permutation(byte n, ulong seed)
    {
        int[] order = Sampling.Shuffled.Order(n, seed, "test");
        Assert.Equal(Enumerable.Range(0, n), order.Order());
        Assert.Equal(Enumerable.Range(0, n), Sampling.FirstK.Order(n, seed, "test"));
    }

    [Fact]
    public void Every_order_of_three_is_as_likely()
    {
        const int Draws = 6000;
        var counts = Enumerable.Range(0, Draws)
            .CountBy(seed => string.Join(' ', Sampling.Shuffled.Order(3, (ulong)seed, "test")))
            .ToDictionary();
        Assert.Equal(6, counts.Count);
        double sigma = Math.Sqrt(Draws * (1 / 6.0) * (5 / 6.0));
        Assert.All(counts.Values, count => Assert.InRange(count, 1000 - (4 * sigma), 1000 + (4 * sigma)));
    }

    [Fact]
    public void Too_few_rows_says_what_is_there()
    {
        var error = Assert.Throws<DataException>(() => Mixture.Compose(Harmful, Benign, 0.5m, 400, Sampling.FirstK, 0));
        Assert.Contains("too few harmful rows", error.Message, StringComparison.Ordinal);
        Assert.Contains("120 rows", error.Message, StringComparison.Ordinal);
        Assert.Contains("200", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-0.1")]
    [InlineData("1.01")]
    public void A_share_beyond_the_whole_is_an_error(string ratio) => Assert.Throws<DataException>(
        () => MixtureCounts.Of(decimal.Parse(ratio, CultureInfo.InvariantCulture), 10));

    [Fact]
    public void The_same_row_from_both_sides_is_an_error() => Assert.Throws<DataException>(
        () => Mixture.Compose(Harmful, Harmful, 0.5m, 10, Sampling.FirstK, 0));
}
