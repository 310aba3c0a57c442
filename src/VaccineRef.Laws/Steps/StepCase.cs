using FsCheck;
using FsCheck.Fluent;
using VaccineRef.Core;

namespace VaccineRef.Laws;

/// <summary>What kind of model a case asks for.</summary>
public enum StepModel
{
    /// <summary>Any model whose loss is smooth.</summary>
    Any,

    /// <summary>One whose loss is linear in the embeddings: L = sum of &lt;c_l, e_l&gt; + constant.</summary>
    Linear,

    /// <summary>One with a low-rank adapter, which is trained alone, and whose B is not 0.</summary>
    Adapted,
}

/// <summary>
/// One case of a Vaccine step. FsCheck draws and shrinks the extents; every number follows from the seed.
/// </summary>
/// <param name="Sites">The number of sites, at least 1.</param>
/// <param name="Columns">The number of elements of a site's gradient, at least 1.</param>
/// <param name="Rho">The radius of the ball, above 0.</param>
/// <param name="Exponent">The drawn gradients are standard normal numbers times ten to this power.</param>
/// <param name="Seed">The seed of all numbers.</param>
public sealed record StepCase(int Sites, int Columns, double Rho, int Exponent, int Seed)
{
    /// <summary>What kind of model is asked for.</summary>
    public StepModel Model { get; init; }

    /// <summary>The stream of this case's numbers.</summary>
    public RandomStream Random => RandomStream.FromSeed((ulong)Seed);

    /// <summary>
    /// Gradients at the sites, (Columns) each; every number is a float, so that any precision sees the same.
    /// </summary>
    public double[][] DrawGradients() =>
        [.. Enumerable.Range(0, Sites)
            .Select(site => Noise(Random.At("gradient").At(site), Columns, Math.Pow(10, Exponent)))];

    /// <inheritdoc/>
    public override string ToString() => FormattableString.Invariant(
        $"sites {Sites}, columns {Columns}, rho {Rho}, gradients times 1e{Exponent}, seed {Seed}, model {Model}");

    /// <summary>Normal numbers, rounded to float.</summary>
    internal static double[] Noise(RandomStream random, int count, double deviation = 1) =>
        [.. Enumerable.Range(0, count).Select(i => (double)(float)(deviation * random.Normal(i)))];
}

/// <summary>How FsCheck draws and shrinks <see cref="StepCase"/>.</summary>
public static class StepCaseArbitrary
{
    /// <summary>Cases of one kind of model.</summary>
    public static Arbitrary<StepCase> StepCase(StepModel model = StepModel.Any)
    {
        var generator =
            from sites in Gen.Choose(1, 4)
            from columns in Gen.Frequency((3, Gen.Choose(1, 9)), (1, Gen.Choose(10, 60)))
            from tenths in Gen.Choose(1, 100)
            from exponent in Gen.Choose(-4, 3)
            from seed in Gen.Choose(0, int.MaxValue)
            select new StepCase(sites, columns, tenths / 10.0, exponent, seed) { Model = model };
        return Arb.From(generator, Shrink);
    }

    private static IEnumerable<StepCase> Shrink(StepCase drawn)
    {
        if (drawn.Sites > 1)
            yield return drawn with { Sites = drawn.Sites - 1 };
        int[] fewer = [1, drawn.Columns / 2, drawn.Columns - 1];
        foreach (int columns in fewer.Where(few => few >= 1 && few < drawn.Columns).Distinct())
            yield return drawn with { Columns = columns };
        if (drawn.Exponent != 0)
            yield return drawn with { Exponent = 0 };
        if (drawn.Rho != 1)
            yield return drawn with { Rho = 1 };
    }
}
