using VaccineRef.Core;

namespace VaccineRef.Laws;

/// <summary>
/// All that the laws need to know of an op: how it is made, on which shapes and ids it is called, and what it promises.
/// </summary>
/// <param name="Name">The op's name, with its variant.</param>
/// <param name="Single">Makes the op for float.</param>
/// <param name="Double">Makes the op for double.</param>
/// <param name="Shapes">The shapes of its inputs.</param>
public sealed record OpCase(
    string Name, Func<Sizes, Op<float>> Single, Func<Sizes, Op<double>> Double, Func<Sizes, Shape[]> Shapes)
{
    /// <summary>Its ids.</summary>
    public Func<Sizes, int[]> Ids { get; init; } = _ => [];

    /// <summary>
    /// The stated error of float against double, in units of float's eps, relative to the larger of |y| and y made of
    /// |x|.
    /// </summary>
    public Func<Sizes, double> Eps { get; init; } = _ => 4;

    /// <summary>Moves a number into the domain where the op is smooth.</summary>
    public Func<double, double> Domain { get; init; } = value => value;

    /// <summary>The same function in scalars, from the equation alone.</summary>
    public Func<Sizes, Expression>? Expression { get; init; }

    /// <summary>
    /// The inputs of a trial: standard normal numbers cut at 3, moved into the domain, and rounded to float so that
    /// float and double see the same.
    /// </summary>
    public double[][] Inputs(Sizes sizes)
    {
        var shapes = Shapes(sizes);
        return [.. shapes.Select((shape, i) => Numbers(shape.Count, sizes.Random().At(i)).Select(Round).ToArray())];
        double Round(double value) => (float)Domain((float)value);
    }

    /// <summary>Standard normal numbers cut at 3.</summary>
    public static double[] Numbers(long count, RandomStream random) =>
        [.. Enumerable.Range(0, (int)count).Select(i => Math.Clamp(random.Normal(i), -3, 3))];

    /// <inheritdoc/>
    public override string ToString() => Name;
}
