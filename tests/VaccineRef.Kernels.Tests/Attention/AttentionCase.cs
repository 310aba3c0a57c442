using System.Numerics;
using VaccineRef.Core;

namespace VaccineRef.Kernels.Tests;

/// <summary>An attention and packed sequences for it, with an oracle that knows only the textbook.</summary>
public sealed record AttentionCase(int[] Lengths, int KeyValueHeads, int Group, int HeadSize, int? Window, ulong Seed)
{
    public int Heads => KeyValueHeads * Group;

    public int Rows => Lengths.Sum();

    public int[] Offsets =>
        [.. Lengths.Aggregate(new List<int> { 0 }, (offsets, length) => [.. offsets, offsets[^1] + length])];

    public double Scale => 1 / Math.Sqrt(HeadSize);

    public Shape QueryShape => new(Rows, Heads * HeadSize);

    public Shape KeyShape => new(Rows, KeyValueHeads * HeadSize);

    public override string ToString() =>
        $"[{string.Join(", ", Lengths)}], {Heads}/{KeyValueHeads} heads of {HeadSize}, window {Window}, seed {Seed}";

    /// <summary>q, k, v.</summary>
    internal (Shape Shape, double[] Values)[] Inputs()
    {
        var random = RandomStream.FromSeed(Seed);
        return [Draw(QueryShape, "q"), Draw(KeyShape, "k"), Draw(KeyShape, "v")];
        (Shape, double[]) Draw(Shape shape, string name) => (shape, Arrays.Normal(random.At(name), shape.Count));
    }

    internal double[] Dy() => Arrays.Normal(RandomStream.FromSeed(Seed).At("dy"), QueryShape.Count);

    internal CausalAttention<T> Op<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
        new(Heads, KeyValueHeads, HeadSize, window: Window);

    internal OpCall<T> Run<T>((Shape Shape, double[] Values)[]? x = null, int threads = 1)
        where T : unmanaged, IFloatingPointIeee754<T> => new(Op<T>(), x ?? Inputs(), Offsets, threads);

    /// <summary>
    /// Attention as the textbook has it: for each row, all scores, their softmax, and the mean of the values.
    /// </summary>
    internal double[] Textbook((Shape Shape, double[] Values)[] x)
    {
        var (q, k, v) = (x[0].Values, x[1].Values, x[2].Values);
        var y = new double[q.Length];
        int[] offsets = Offsets;
        for (int s = 0; s < Lengths.Length; s++)
            for (int i = offsets[s]; i < offsets[s + 1]; i++)
                for (int head = 0; head < Heads; head++)
                {
                    int from = Math.Max(offsets[s], i - (Window ?? i) + (Window is null ? 0 : 1));
                    int at = ((i * Heads) + head) * HeadSize;
                    int Key(int j) => ((j * KeyValueHeads) + (head / Group)) * HeadSize;
                    int[] seen = [.. Enumerable.Range(from, i - from + 1)];
                    double Score(int j) => Enumerable.Range(0, HeadSize).Sum(d => Scale * q[at + d] * k[Key(j) + d]);
                    double[] scores = [.. seen.Select(Score)];
                    double[] weights = [.. scores.Select(score => Math.Exp(score - scores.Max()))];
                    for (int d = 0; d < HeadSize; d++)
                        y[at + d] = seen.Zip(weights, (j, weight) => weight * v[Key(j) + d]).Sum() / weights.Sum();
                }

        return y;
    }

    /// <summary>The error bound that CausalAttention states for y, in units of the last place of 1.</summary>
    internal double Bound((Shape Shape, double[] Values)[] x)
    {
        double largest = HeadSize * Arrays.Largest(x[0].Values) * Arrays.Largest(x[1].Values);
        return ((2 * (HeadSize + 4) * Scale * largest) + Lengths.Max() + 16) * Arrays.Largest(x[2].Values);
    }
}

/// <summary>Shapes that cross every edge of the blocks (32 queries, 64 keys), and small ones for differences.</summary>
public static class AttentionCases
{
    public static Arbitrary<AttentionCase> Any() => Arb.From(
        from lengths in Gen.Frequency((4, Gen.Choose(1, 40)), (2, Gen.Choose(60, 140)), (1, Gen.Constant(0)))
            .NonEmptyListOf()
        from keyValueHeads in Gen.Choose(1, 3)
        from size in Gen.Elements(1, 3, 5, 8, 12, 16, 17, 32, 40)
        from window in Gen.Frequency((2, Gen.Constant<int?>(null)), (1, Gen.Choose(1, 100).Select(w => (int?)w)))
        from rest in Gen.Choose(1, 3).Zip(Gen.Choose(0, int.MaxValue))
        select new AttentionCase([.. lengths.Take(4)], keyValueHeads, rest.Item1, size, window, (ulong)rest.Item2),
        Shrink);

    private static IEnumerable<AttentionCase> Shrink(AttentionCase big)
    {
        if (big.Lengths.Length > 1)
            for (int s = 0; s < big.Lengths.Length; s++)
                yield return big with { Lengths = [.. big.Lengths.Where((_, i) => i != s)] };
        for (int s = 0; s < big.Lengths.Length; s++)
            if (big.Lengths[s] > 1)
                foreach (int length in new[] { big.Lengths[s] / 2, big.Lengths[s] - 1 })
                    yield return big with { Lengths = [.. big.Lengths.Select((old, i) => i == s ? length : old)] };
        if (big.KeyValueHeads > 1)
            yield return big with { KeyValueHeads = 1 };
        if (big.Group > 1)
            yield return big with { Group = 1 };
        if (big.HeadSize > 1)
            yield return big with { HeadSize = big.HeadSize / 2 };
        if (big.Window is not null)
            yield return big with { Window = null };
    }
}
