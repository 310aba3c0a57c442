using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;

namespace VaccineRef.Laws;

/// <summary>Every op of this program that has a derivative, one line each. A test fails if an op has no line.</summary>
public static class OpCases
{
    private const double Epsilon = 0.1;       // of the norms: large, so that a row of small numbers is well-conditioned

    /// <summary>The cases.</summary>
    public static IReadOnlyList<OpCase> All { get; } =
    [
        new("Add", _ => new Add<float>(-0.7), _ => new Add<double>(-0.7), s => [Rows(s), Rows(s)])
            { Eps = _ => 2, Expression = _ => Expressions.Add(-0.7) },
        new("Embedding", _ => new Embedding<float>(2), _ => new Embedding<double>(2), s => [new(s.V + 2, s.C)])
            { Ids = s => s.Below(s.V), Eps = _ => 0, Expression = _ => Expressions.Embedding(2) },
        new("Scatter", Scattered<float>, Scattered<double>, s => [Rows(s)])
            { Ids = Ascending, Eps = _ => 0, Expression = s => Expressions.Scatter((2 * s.N) + 3) },
        new("Linear", _ => new Linear<float>(), _ => new Linear<double>(), s => [Rows(s), new(s.H, s.C)])
            { Eps = s => s.C, Expression = _ => Expressions.Linear(outIn: true) },
        new("Linear with bias", _ => new Linear<float>(), _ => new Linear<double>(),
            s => [Rows(s), new(s.H, s.C), Vector(s.H)])
            { Eps = s => s.C + 1, Expression = _ => Expressions.Linear(outIn: true) },
        new("Linear, in x out", _ => InOut<float>(), _ => InOut<double>(), s => [Rows(s), new(s.C, s.H), Vector(s.H)])
            { Eps = s => s.C + 1, Expression = _ => Expressions.Linear(outIn: false) },
        new("AdaptedLinear", _ => new AdaptedLinear<float>(-1.7), _ => new AdaptedLinear<double>(-1.7),
            s => [Rows(s), new(s.H, s.C), new(s.N, s.V), new(s.H, s.V)])
            { Eps = s => s.C + s.V + 2, Expression = _ => Expressions.AdaptedLinear(-1.7, outIn: true) },
        new("AdaptedLinear, in x out", _ => Adapted<float>(), _ => Adapted<double>(),
            s => [Rows(s), new(s.C, s.H), new(s.N, s.V), new(s.H, s.V), Vector(s.H)])
            { Eps = s => s.C + s.V + 2, Expression = _ => Expressions.AdaptedLinear(0.6, outIn: false) },
        new("Columns", s => new Columns<float>(s.H, s.C), s => new Columns<double>(s.H, s.C),
            s => [new(s.N, s.C + (2 * s.H))])
            { Eps = _ => 0, Expression = s => Expressions.Slice(s.H, s.C) },
        new("RmsNorm", _ => new RmsNorm<float>(Epsilon), _ => new RmsNorm<double>(Epsilon), s => [Rows(s), Vector(s.C)])
            { Eps = s => s.C + 8, Expression = _ => Expressions.RmsNorm(Epsilon) },
        new("LayerNorm", _ => new LayerNorm<float>(Epsilon), _ => new LayerNorm<double>(Epsilon),
            s => [Rows(s), Vector(s.C), Vector(s.C)])
            { Eps = s => s.C + 8, Expression = _ => Expressions.LayerNorm(Epsilon) },
        new("Rope", s => new Rope<float>(2 * s.H, Turns(s)), s => new Rope<double>(2 * s.H, Turns(s)), s => [Heads(s)])
            { Ids = s => s.Below(50), Eps = _ => 3, Expression = s => Expressions.Rope(2 * s.H, Turns(s)) },
        new("SwiGlu", _ => new SwiGlu<float>(), _ => new SwiGlu<double>(), s => [Rows(s), Rows(s)])
            { Eps = _ => 8, Expression = _ => Expressions.SwiGlu() },
        new("Relu", _ => new Relu<float>(), _ => new Relu<double>(), s => [Rows(s)])
            { Eps = _ => 0, Domain = AwayFromZero, Expression = _ => Expressions.Relu() },
        new("Gelu, tanh", _ => new Gelu<float>(GeluForm.Tanh), _ => new Gelu<double>(GeluForm.Tanh), s => [Rows(s)])
            { Eps = _ => 8, Expression = _ => Expressions.GeluTanh() },
        new("Gelu, erf", _ => new Gelu<float>(GeluForm.Erf), _ => new Gelu<double>(GeluForm.Erf), s => [Rows(s)])
            { Eps = _ => 2 },
        new("Dropout", _ => new Dropout<float>(0.4), _ => new Dropout<double>(0.4), s => [Rows(s)]) { Eps = _ => 2 },
        new("GaussianNoise", _ => new GaussianNoise<float>(0.3), _ => new GaussianNoise<double>(0.3), s => [Rows(s)])
            { Eps = _ => 2 },
        new("Scale", _ => new Scale<float>(-1.3), _ => new Scale<double>(-1.3), s => [Rows(s)])
            { Eps = _ => 2, Expression = _ => Expressions.Scale(-1.3) },
        new("Mean", _ => new Mean<float>(), _ => new Mean<double>(), s => [Rows(s)])
            { Eps = _ => 1, Expression = _ => Expressions.Mean() },
        new("SquaredDistance", _ => new SquaredDistance<float>(), _ => new SquaredDistance<double>(),
            s => [Rows(s), Rows(s)]) { Eps = _ => 4, Expression = _ => Expressions.SquaredDistance() },
        new("WeightedSquaredDistance", _ => new WeightedSquaredDistance<float>(),
            _ => new WeightedSquaredDistance<double>(), s => [Rows(s), Rows(s), Rows(s)])
            { Eps = _ => 6, Expression = _ => Expressions.WeightedSquaredDistance() },
        new("KlDivergence", _ => new KlDivergence<float>(), _ => new KlDivergence<double>(), s => [Rows(s), Rows(s)])
            { Eps = s => KlEps(s.C), Expression = _ => Expressions.KlDivergence() },
        new("KlOverTime", _ => new KlOverTime<float>(), _ => new KlOverTime<double>(), s => [Rows(s), Rows(s)])
            { Ids = Offsets, Eps = s => KlEps(s.N) + (s.N * Logits(s.N)), Expression = _ => Expressions.KlOverTime() },
        new("CausalAttention", s => new CausalAttention<float>(4, 2, s.H), s => new CausalAttention<double>(4, 2, s.H),
            s => [new(s.N, 4 * s.H), new(s.N, 2 * s.H), new(s.N, 2 * s.H)])
            { Ids = Offsets, Eps = AttentionEps, Expression = s => Expressions.Attention(4, 2, s.H, Root(s.H)) },
        new("CausalAttention, window", Windowed<float>, Windowed<double>, s => [Heads2(s), Heads2(s), Heads2(s)])
            { Ids = Offsets, Eps = AttentionEps, Expression = s => Expressions.Attention(2, 2, s.H, 0.3, window: 3) },
        new("CrossEntropy", _ => new CrossEntropy<float>(), _ => new CrossEntropy<double>(),
            s => [Rows(s), new(s.H, s.C)])
            { Ids = Targets, Eps = LossEps, Expression = _ => Expressions.CrossEntropy(mean: true) },
        new("CrossEntropy, per token", _ => new CrossEntropy<float>(Reduction.None),
            _ => new CrossEntropy<double>(Reduction.None), s => [Rows(s), new(s.H, s.C)])
            { Ids = Targets, Eps = LossEps, Expression = _ => Expressions.CrossEntropy(mean: false) },
        new("CrossEntropy, fused gradient", _ => new CrossEntropy<float>(fusedGradient: true),
            _ => new CrossEntropy<double>(fusedGradient: true), s => [Rows(s), new(s.H, s.C)])
            { Ids = Targets, Eps = LossEps, Expression = _ => Expressions.CrossEntropy(mean: true) },
        new("CrossEntropy, per token, fused gradient",
            _ => new CrossEntropy<float>(Reduction.None, fusedGradient: true),
            _ => new CrossEntropy<double>(Reduction.None, fusedGradient: true), s => [Rows(s), new(s.H, s.C)])
            { Ids = Targets, Eps = LossEps, Expression = _ => Expressions.CrossEntropy(mean: false) },
    ];

    /// <summary>
    /// The cases of an op: of this name exactly, or of all its variants, as "Gelu" names "Gelu, tanh" too.
    /// </summary>
    /// <exception cref="InputException">There is none.</exception>
    public static IReadOnlyList<OpCase> Named(string name)
    {
        bool Is(string other) => other.Equals(name, StringComparison.OrdinalIgnoreCase);
        OpCase[] exact = [.. All.Where(one => Is(one.Name))];
        OpCase[] found = exact.Length > 0 ? exact : [.. All.Where(one => Is(Op(one.Name)))];
        return found.Length > 0
            ? found
            : throw new InputException(
                "there is no such op", "--op", name, string.Join(", ", All.Select(one => Op(one.Name)).Distinct()));

        static string Op(string name) => name.Split(',')[0].Replace(" with bias", "", StringComparison.Ordinal);
    }

    private static Shape Rows(Sizes s) => new(s.N, s.C);

    private static Shape Vector(int columns) => Shape.Vector(columns);

    private static Shape Heads(Sizes s) => new(s.N, (1 + (s.C % 3)) * 2 * s.H);

    private static double[] Turns(Sizes s) => RopeFrequencies.Compute(2 * s.H, 10000);

    private static Linear<T> InOut<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
        new(WeightLayout.InOut);

    private static Scatter<T> Scattered<T>(Sizes s) where T : unmanaged, IFloatingPointIeee754<T> => new((2 * s.N) + 3);

    /// <summary>N of the numbers below 2 N, one of every two.</summary>
    private static int[] Ascending(Sizes s) => [.. s.Below(2).Select((which, m) => (2 * m) + which)];

    private static AdaptedLinear<T> Adapted<T>() where T : unmanaged, IFloatingPointIeee754<T> =>
        new(0.6, WeightLayout.InOut);

    private static CausalAttention<T> Windowed<T>(Sizes s)
        where T : unmanaged, IFloatingPointIeee754<T> => new(2, 2, s.H, scale: 0.3, window: 3);

    private static Shape Heads2(Sizes s) => new(s.N, 2 * s.H);

    /// <summary>Three sequences, the second of them empty.</summary>
    private static int[] Offsets(Sizes s) => [0, s.N / 3, s.N / 3, s.N];

    /// <summary>Every third row is not counted.</summary>
    private static int[] Targets(Sizes s) =>
        [.. s.Below(s.H).Select((target, row) => row % 3 == 1 ? CrossEntropy<float>.Ignored : target)];

    private static double Root(int headSize) => 1 / Math.Sqrt(headSize);

    // The ops' own bounds, 2 A + T + 16 and 2 A + V + 16, where a sum of d products of numbers below 3 is below 9 d.
    private static double AttentionEps(Sizes s) => (2 * (s.H + 4) * 9 * s.H * Math.Max(0.3, Root(s.H))) + s.N + 16;

    private static double LossEps(Sizes s) => (2 * (s.C + 4) * 9 * s.C) + s.H + 16;

    // The ops' own bounds, 4 A (A + 2), where logits are below 3.
    private static double KlEps(int terms) => 4 * Logits(terms) * (Logits(terms) + 2);

    private static double Logits(int terms) => 3 + (2 * 3) + (2 * Math.Log(terms + 1));

    private static double AwayFromZero(double x) => x + (x < 0 ? -0.1 : 0.1);
}
