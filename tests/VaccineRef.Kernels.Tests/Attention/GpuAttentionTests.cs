using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Testing;

namespace VaccineRef.Kernels.Tests;

/// <summary>Attention on every device of this machine, over sequences that cross the edges of its blocks.</summary>
public sealed class GpuAttentionTests(GpuDevices gpus) : IClassFixture<GpuDevices>
{
    private static readonly AttentionCase[] Cases =
    [
        new([19, 0, 34], 1, 2, 5, null, 1), new([40, 1], 2, 1, 20, 9, 2),
        new([70], 1, 1, 3, 37, 3), new([3, 17], 1, 3, 33, 1, 4),
    ];

    [Fact]
    public void Output_is_the_textbooks_within_the_stated_bound()
    {
        foreach (var gpu in gpus.All)
            foreach (var c in Cases)
            {
                RequireTextbook<float>(gpu, c, 1.2e-7);
                RequireTextbook<double>(gpu, c, 2 * 2.3e-16);
            }
    }

    [Fact]
    public void Gradients_are_the_processors_across_block_edges()
    {
        using var cpu = new CpuDevice(1);
        foreach (var gpu in gpus.All)
            foreach (var c in Cases)
            {
                double[][] x = [.. c.Inputs().Select(input => input.Values)];
                using var expected = new OpRun<double>(cpu, c.Op<double>(), Shapes(c), c.Offsets);
                using var found = new OpRun<double>(gpu, c.Op<double>(), Shapes(c), c.Offsets);
                expected.Forward(x);
                found.Forward(x);
                foreach (var (near, far) in expected.Backward(x, c.Dy()).Zip(found.Backward(x, c.Dy())))
                    Assert.True(
                        Arrays.Distance(near!, far!) <= 1e-11 * (1 + Arrays.Largest(near!)), $"{gpu.Name}: {c}");
            }
    }

    [Fact]
    public void Reading_piece_by_piece_gives_the_bits_of_reading_at_once()
    {
        foreach (var gpu in gpus.All)
            foreach (var c in Cases)
            {
                RequireSame<float>(gpu, c);
                RequireSame<double>(gpu, c);
            }
    }

    private static Shape[] Shapes(AttentionCase c) => [c.QueryShape, c.KeyShape, c.KeyShape];

    private static void RequireTextbook<T>(Device gpu, AttentionCase c, double eps)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var x = c.Inputs();
        using var run = new OpRun<T>(gpu, c.Op<T>(), Shapes(c), c.Offsets);
        double[] y = run.Forward([.. x.Select(input => input.Values)]);
        Assert.True(Arrays.Distance(c.Textbook(x), y) <= eps * c.Bound(x), $"{gpu.Name}: {c}");
    }

    private static void RequireSame<T>(Device gpu, AttentionCase c) where T : unmanaged, IFloatingPointIeee754<T>
    {
        double[][] x = [.. c.Inputs().Select(input => input.Values)];
        using var whole = new OpRun<T>(gpu, c.Op<T>(), Shapes(c), c.Offsets);
        using var cache = new KeyValueCache<T>(gpu, 2, c.Lengths.Length, c.Lengths.Max(), c.KeyValueHeads, c.HeadSize);
        var op = new CachedAttention<T>(c.Op<T>(), cache, layer: 1);
        var random = RandomStream.FromSeed(c.Seed).At("pieces");
        var (read, y) = (new int[c.Lengths.Length], new double[c.QueryShape.Count]);
        for (int piece = 0; read.Sum() < c.Rows; piece++)
        {
            int[] left = [.. c.Lengths.Select((length, s) => length - read[s])];
            int[] counts = piece >= 4
                ? left
                : [.. left.Select((rest, s) => random.At(piece).Below(Math.Min(20, rest + 1), s))];
            int[] rows = [.. counts.SelectMany((count, s) => Enumerable.Range(c.Offsets[s] + read[s], count))];
            int[] offsets = [.. counts.Aggregate(new List<int> { 0 }, (all, count) => [.. all, all[^1] + count])];
            Shape[] shapes = [.. Shapes(c).Select(shape => shape with { Rows = rows.Length })];
            using var part = new OpRun<T>(gpu, op, shapes, offsets);
            double[] found = part.Forward([.. x.Zip(Shapes(c), (values, shape) => Take(values, shape.Columns, rows))]);
            for (int i = 0; i < found.Length; i++)
                y[(rows[i / c.QueryShape.Columns] * c.QueryShape.Columns) + (i % c.QueryShape.Columns)] = found[i];
            cache.Advance(counts);
            read = [.. read.Zip(counts, (before, count) => before + count)];
        }

        Assert.Equal(whole.Forward(x), y);
    }

    private static double[] Take(double[] values, int columns, int[] rows) =>
        [.. rows.SelectMany(row => values[(row * columns)..((row + 1) * columns)])];
}
