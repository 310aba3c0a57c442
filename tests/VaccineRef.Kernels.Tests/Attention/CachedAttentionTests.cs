using VaccineRef.Core;

namespace VaccineRef.Kernels.Tests;

[Properties(Arbitrary = [typeof(AttentionCases)], MaxTest = 40)]
public class CachedAttentionTests
{
    /// <summary>
    /// A prefill of any length for each sequence, then pieces of any length, none included, until all is read.
    /// </summary>
    [Property]
    public void Reading_piece_by_piece_gives_the_bits_of_reading_at_once(AttentionCase c)
    {
        RequireSame<float>(c);
        RequireSame<double>(c);
    }

    [Fact]
    public void What_does_not_fit_is_refused_with_the_numbers()
    {
        using var device = new CpuDevice(1);
        using var cache = new KeyValueCache<float>(
            device, layers: 1, sequences: 2, capacity: 3, keyValueHeads: 1, headSize: 4);
        var op = new CachedAttention<float>(new CausalAttention<float>(2, 1, 4), cache, layer: 0);
        Shape[] x = [new(4, 8), new(4, 4), new(4, 4)];
        op.Check(x, [0, 1, 4]);
        cache.Advance(0, 1);
        string message = Assert.Throws<InputException>(() => op.Check(x, [0, 1, 4])).Message;
        Assert.All(["sequence 1", "1 tokens read and 3 new", "at most 3"], part => Assert.Contains(part, message));
        Assert.Throws<InputException>(() => cache.Advance(0, 3));
        Assert.Throws<InputException>(() => op.Check(x, [0, 4]));
        var wider = new CachedAttention<float>(new CausalAttention<float>(2, 2, 4), cache, 0);
        Assert.Throws<ShapeException>(() => wider.Infer([x[0], x[0], x[0]]));
        Assert.Equal([0, 1], cache.Lengths);
    }

    [Fact]
    public void There_is_no_backward()
    {
        using var device = new CpuDevice(1);
        using var cache = new KeyValueCache<float>(device, 1, 1, 3, 1, 4);
        using var run = new OpCall<float>(
            new CachedAttention<float>(new CausalAttention<float>(1, 1, 4), cache, 0),
            [.. Enumerable.Repeat((new Shape(2, 4), new double[8]), 3)], [0, 2]);
        Assert.Throws<InvalidOperationException>(() => run.Backward(new double[8]));
    }

    private static void RequireSame<T>(AttentionCase c) where T : unmanaged, System.Numerics.IFloatingPointIeee754<T>
    {
        var x = c.Inputs();
        using var whole = c.Run<T>(x);
        using var device = new CpuDevice(1);
        using var cache = new KeyValueCache<T>(
            device, 2, c.Lengths.Length, Math.Max(1, c.Lengths.Max()), c.KeyValueHeads, c.HeadSize);
        var op = new CachedAttention<T>(c.Op<T>(), cache, layer: 1);
        var random = RandomStream.FromSeed(c.Seed).At("pieces");
        var (read, y) = (new int[c.Lengths.Length], new double[c.QueryShape.Count]);
        for (int piece = 0; read.Sum() < c.Rows; piece++)
        {
            int[] left = [.. c.Lengths.Select((length, s) => length - read[s])];
            var draw = random.At(piece);
            int[] counts = piece >= 6 ? left : [.. left.Select((rest, s) => draw.Below(Math.Min(80, rest + 1), s))];
            int[] rows = [.. counts.SelectMany((count, s) => Enumerable.Range(c.Offsets[s] + read[s], count))];
            int[] offsets = [.. counts.Aggregate(new List<int> { 0 }, (all, count) => [.. all, all[^1] + count])];
            using var part = new OpCall<T>(
                op, [.. x.Select(input => (input.Shape with { Rows = rows.Length }, Take(input, rows)))], offsets);
            for (int i = 0; i < rows.Length; i++)
                part.Y.SliceRows(i, 1).Doubles().CopyTo(y, rows[i] * c.QueryShape.Columns);
            cache.Advance(counts);
            read = [.. read.Zip(counts, (before, count) => before + count)];
        }

        Assert.Equal(whole.Y.Doubles(), y);
    }

    private static double[] Take((Shape Shape, double[] Values) x, int[] rows) =>
        [.. rows.SelectMany(row => x.Values[(row * x.Shape.Columns)..((row + 1) * x.Shape.Columns)])];
}
