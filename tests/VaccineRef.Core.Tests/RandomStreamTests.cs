namespace VaccineRef.Core.Tests;

public sealed class RandomStreamTests
{
    private const int Count = 100_000;

    [Property(MaxTest = 20)]
    public void Uniform_numbers_fill_the_unit_interval_evenly(ulong seed)
    {
        var random = RandomStream.FromSeed(seed);
        var bins = new int[10];
        for (int i = 0; i < Count; i++)
            bins[(int)(10 * random.Uniform(i))]++;
        double deviation = Math.Sqrt(Count * 0.1 * 0.9);
        Assert.All(bins, bin => Assert.InRange(bin, (Count / 10) - (6 * deviation), (Count / 10) + (6 * deviation)));
    }

    [Property(MaxTest = 20)]
    public void Normal_numbers_have_mean_0_and_variance_1(ulong seed)
    {
        var random = RandomStream.FromSeed(seed);
        double[] z = [.. Enumerable.Range(0, Count).Select(i => random.Normal(i))];
        Assert.Equal(0, z.Average(), 6 / Math.Sqrt(Count));
        Assert.Equal(1, z.Average(value => value * value), 6 * Math.Sqrt(2.0 / Count));
        Assert.Equal(0, z.Zip(z.Skip(1), (a, b) => a * b).Average(), 6 / Math.Sqrt(Count));
    }

    [Property]
    public void An_element_is_the_same_in_any_order(ulong seed, int index)
    {
        var random = RandomStream.FromSeed(seed);
        ulong before = random.Bits(index);
        random.Bits(index + 1L);
        Assert.Equal(before, random.Bits(index));
        Assert.Equal(before, RandomStream.FromSeed(seed).Bits(index));
    }

    [Property(MaxTest = 20)]
    public void Streams_below_one_another_share_nothing(ulong seed)
    {
        var random = RandomStream.FromSeed(seed);
        RandomStream[] streams =
        [
            random, random.At(0), random.At(1), random.At("dropout"), random.At("noise"), random.At(0).At(1),
            random.At(1).At(0), RandomStream.FromSeed(seed + 1),
        ];
        ulong[] bits = [.. streams.SelectMany(stream => Enumerable.Range(0, 1000).Select(i => stream.Bits(i)))];
        Assert.Equal(bits.Length, bits.Distinct().Count());
    }

    [Property]
    public void Below_is_below(ulong seed, PositiveInt bound)
    {
        var random = RandomStream.FromSeed(seed);
        Assert.All(Enumerable.Range(0, 100), i => Assert.InRange(random.Below(bound.Get, i), 0, bound.Get - 1));
        Assert.Equal(0, random.Below(1, 0));
        Assert.InRange(random.Below(int.MaxValue, 0), 0, int.MaxValue - 1);
    }

    [Property]
    public void Shuffling_permutes(ulong seed, int[] items)
    {
        int[] shuffled = [.. items];
        RandomStream.FromSeed(seed).Shuffle<int>(shuffled);
        Assert.Equal(items.Order(), shuffled.Order());
    }

    [Fact]
    public void Shuffling_finds_every_order_about_as_often()
    {
        var counts = new Dictionary<(int, int, int), int>();
        for (int i = 0; i < 6000; i++)
        {
            int[] items = [1, 2, 3];
            RandomStream.FromSeed(4).At(i).Shuffle<int>(items);
            var order = (items[0], items[1], items[2]);
            counts[order] = counts.GetValueOrDefault(order) + 1;
        }

        Assert.Equal(6, counts.Count);
        const int Deviation = 29;                                   // sqrt(6000 * 1/6 * 5/6)
        Assert.All(counts.Values, count => Assert.InRange(count, 1000 - (6 * Deviation), 1000 + (6 * Deviation)));
    }
}
