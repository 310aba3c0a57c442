using VaccineRef.Core;

namespace VaccineRef.Training.Tests.Training;

/// <summary>An optimizer with the settings that it is checked with.</summary>
/// <param name="Name">A name of the case.</param>
/// <param name="Options">The settings; rates, decay and clipping are drawn.</param>
/// <param name="Oracle">Its definition for one parameter, in plain loops.</param>
/// <param name="Kept">How many numbers it keeps for each number of a matrix, and of a vector or a table.</param>
internal sealed record OptimizerCase(
    string Name, OptimizerOptions Options, Func<Parameter<double>, OptimizerOracle> Oracle,
    (int Matrix, int Other) Kept)
{
    public override string ToString() => Name;
}

/// <summary>
/// Every optimizer that a recipe can name, one line for each set of settings that takes another way through its
/// equations.
/// </summary>
internal static class OptimizerCases
{
    private static readonly AdamWOptions AdamW = new(Beta1: 0.8, Beta2: 0.97);
    private static readonly SgdOptions Momentum = new(Momentum: 0.9), Dampened = new(Momentum: 0.9, Dampening: 0.3);
    private static readonly SgdOptions Nesterov = new(Momentum: 0.9, Nesterov: true);
    private static readonly RmsPropOptions RmsProp = new(Alpha: 0.9), RmsPropMomentum = new(Alpha: 0.9, Momentum: 0.7);
    private static readonly MuonOptions Muon = new(AdamFactor: 0.5),
        MuonPlain = new(Momentum: 0.8, Nesterov: false, Adjust: MuonRate.MatchRmsAdamw);

    public static IReadOnlyList<OptimizerCase> All { get; } =
    [
        new("adamw", AdamW, _ => new AdamWOracle(AdamW), (2, 2)),
        new("sgd", new SgdOptions(), _ => new SgdOracle(new()), (0, 0)),
        new("sgd, momentum", Momentum, _ => new SgdOracle(Momentum), (1, 1)),
        new("sgd, dampening", Dampened, _ => new SgdOracle(Dampened), (1, 1)),
        new("sgd, nesterov", Nesterov, _ => new SgdOracle(Nesterov), (1, 1)),
        new("rmsprop", RmsProp, _ => new RmsPropOracle(RmsProp), (1, 1)),
        new("rmsprop, momentum", RmsPropMomentum, _ => new RmsPropOracle(RmsPropMomentum), (2, 2)),
        new("muon", Muon, parameter => MuonOracle.Of(parameter, Muon), (1, 2)),
        new("muon, plain", MuonPlain, parameter => MuonOracle.Of(parameter, MuonPlain), (1, 2)),
    ];

    public static OptimizerCase Named(string name) => All.Single(each => each.Name == name);
}

/// <summary>One parameter's optimizer by its published equations, one number at a time.</summary>
internal abstract class OptimizerOracle
{
    /// <summary>Moves the weights.</summary>
    /// <param name="w">The weights.</param>
    /// <param name="g">The gradient, clipped.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="decay">The weight decay.</param>
    /// <param name="t">The number of the step, from 1.</param>
    public abstract void Step(double[] w, double[] g, double rate, double decay, int t);
}

/// <summary>Source: the algorithm in the documentation of torch.optim.AdamW, line by line.</summary>
internal sealed class AdamWOracle(AdamOptions options, double factor = 1) : OptimizerOracle
{
    private double[] _m = [], _v = [];

    public override void Step(double[] w, double[] g, double rate, double decay, int t)
    {
        (_m, _v, rate) = (t == 1 ? new double[w.Length] : _m, t == 1 ? new double[w.Length] : _v, rate * factor);
        for (int i = 0; i < w.Length; i++)
        {
            w[i] -= rate * decay * w[i];
            _m[i] = (options.Beta1 * _m[i]) + ((1 - options.Beta1) * g[i]);
            _v[i] = (options.Beta2 * _v[i]) + ((1 - options.Beta2) * g[i] * g[i]);
            double m = _m[i] / (1 - Math.Pow(options.Beta1, t)), v = _v[i] / (1 - Math.Pow(options.Beta2, t));
            w[i] -= rate * m / (Math.Sqrt(v) + options.Epsilon);
        }
    }
}

/// <summary>Source: the algorithm in the documentation of torch.optim.SGD, line by line.</summary>
internal sealed class SgdOracle(SgdOptions options) : OptimizerOracle
{
    private double[]? _b;

    public override void Step(double[] w, double[] g, double rate, double decay, int t)
    {
        double[] step = [.. g.Select((value, i) => value + (decay * w[i]))];
        if (options.Momentum != 0)
        {
            _b = _b is null
                ? [.. step]
                : [.. _b.Select((b, i) => (options.Momentum * b) + ((1 - options.Dampening) * step[i]))];
            step = options.Nesterov ? [.. step.Select((value, i) => value + (options.Momentum * _b[i]))] : _b;
        }

        for (int i = 0; i < w.Length; i++)
            w[i] -= rate * step[i];
    }
}

/// <summary>Source: the algorithm in the documentation of torch.optim.RMSprop, line by line, not centred.</summary>
internal sealed class RmsPropOracle(RmsPropOptions options) : OptimizerOracle
{
    private double[] _v = [], _b = [];

    public override void Step(double[] w, double[] g, double rate, double decay, int t)
    {
        (_v, _b) = t == 1 ? (new double[w.Length], new double[w.Length]) : (_v, _b);
        for (int i = 0; i < w.Length; i++)
        {
            double gradient = g[i] + (decay * w[i]);
            _v[i] = (options.Alpha * _v[i]) + ((1 - options.Alpha) * gradient * gradient);
            _b[i] = (options.Momentum * _b[i]) + (gradient / (Math.Sqrt(_v[i]) + options.Epsilon));
            w[i] -= rate * _b[i];
        }
    }
}

/// <summary>
/// Source: the algorithm in the documentation of torch.optim.Muon: momentum, five Newton and Schulz steps, decoupled
/// decay, adjusted rate.
/// </summary>
internal sealed class MuonOracle(int rows, int columns, MuonOptions options) : OptimizerOracle
{
    private double[] _b = new double[rows * columns];

    public static OptimizerOracle Of(Parameter<double> parameter, MuonOptions options) => parameter.Dimensions.Count
        == 2 && !parameter.IsTable
        ? new MuonOracle(parameter.Shape.Rows, parameter.Shape.Columns, options)
        : new AdamWOracle(options, options.AdamFactor);

    /// <summary>What one of the five steps makes of a singular value.</summary>
    public static double Quintic(double x) => (3.4445 * x) - (4.7750 * x * x * x) + (2.0315 * x * x * x * x * x);

    public override void Step(double[] w, double[] g, double rate, double decay, int t)
    {
        _b = [.. _b.Select((b, i) => (options.Momentum * b) + g[i])];
        double[] u = options.Nesterov ? [.. g.Select((value, i) => value + (options.Momentum * _b[i]))] : _b;
        double norm = Math.Max(Math.Sqrt(u.Sum(value => value * value)), 1e-7);
        u = [.. u.Select(value => value / norm)];
        for (int round = 0; round < 5; round++)
        {
            double[] cubed = Cubed(u, u), fifth = Cubed(u, cubed);
            u = [.. u.Select((value, i) => (3.4445 * value) - (4.7750 * cubed[i]) + (2.0315 * fifth[i]))];
        }

        double length = options.Adjust == MuonRate.Original
            ? rate * Math.Sqrt(Math.Max(1, rows / (double)columns)) : rate * 0.2 * Math.Sqrt(Math.Max(rows, columns));
        for (int i = 0; i < w.Length; i++)
            w[i] = w[i] - (rate * decay * w[i]) - (length * u[i]);
    }

    /// <summary>u u' x, by sums over indices.</summary>
    private double[] Cubed(double[] u, double[] x)
    {
        double[] result = new double[u.Length];
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < columns; j++)
                for (int k = 0; k < rows; k++)
                    for (int l = 0; l < columns; l++)
                        result[(i * columns) + j] += u[(i * columns) + l] * u[(k * columns) + l] * x[(k * columns) + j];
        return result;
    }
}
