using FsCheck;
using FsCheck.Fluent;
using VaccineRef.Core;

namespace VaccineRef.Laws;

/// <summary>
/// The extents of one trial, from which an op's case makes its shapes, and the seed of its numbers. FsCheck draws and
/// shrinks the extents; the numbers follow from the seed, so shrinking stays fast.
/// </summary>
/// <param name="N">Rows, 0 included.</param>
/// <param name="C">Columns, at least 1.</param>
/// <param name="H">A third extent, at least 1: outputs, half a head, ...</param>
/// <param name="V">A fourth extent, at least 1: rows of a table, ...</param>
/// <param name="Seed">The seed of the numbers.</param>
public readonly record struct Sizes(int N, int C, int H, int V, int Seed)
{
    /// <summary>The stream of this trial's numbers.</summary>
    public RandomStream Random() => RandomStream.FromSeed((ulong)Seed);

    /// <summary>The same trial, large enough that every op is cut into several pieces.</summary>
    public Sizes Enlarged() => this with { N = 35 + N, C = 9 * C, H = H + 30 };

    /// <summary>N numbers below <paramref name="bound"/>, such as ids.</summary>
    public int[] Below(int bound)
    {
        var random = Random().At("ids");
        return [.. Enumerable.Range(0, N).Select(i => random.Below(bound, i))];
    }
}

/// <summary>
/// How FsCheck draws and shrinks <see cref="Sizes"/>: <c>[Property(Arbitrary = [typeof(SizesArbitrary)])]</c>.
/// </summary>
public static class SizesArbitrary
{
    /// <summary>Mostly small extents; now and then some beyond a vector's length.</summary>
    public static Arbitrary<Sizes> Sizes()
    {
        var extent = Gen.Frequency((4, Gen.Choose(1, 9)), (1, Gen.Choose(10, 70)));
        var generator =
            from n in Gen.Choose(0, 9)
            from c in extent
            from h in extent
            from v in Gen.Choose(1, 9)
            from seed in Gen.Choose(0, int.MaxValue)
            select new Sizes(n, c, h, v, seed);
        return Arb.From(generator, Shrink);
    }

    private static IEnumerable<Sizes> Shrink(Sizes sizes)
    {
        foreach (int n in Smaller(sizes.N, 0))
            yield return sizes with { N = n };
        foreach (int c in Smaller(sizes.C, 1))
            yield return sizes with { C = c };
        foreach (int h in Smaller(sizes.H, 1))
            yield return sizes with { H = h };
        foreach (int v in Smaller(sizes.V, 1))
            yield return sizes with { V = v };
    }

    private static IEnumerable<int> Smaller(int extent, int least) =>
        new[] { least, extent / 2, extent - 1 }.Where(smaller => smaller >= least && smaller < extent).Distinct();
}
