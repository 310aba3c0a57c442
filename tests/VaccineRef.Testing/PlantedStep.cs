using VaccineRef.Laws;

namespace VaccineRef.Testing;

/// <summary>What is wrong with a <see cref="PlantedStep"/>.</summary>
public enum Fault
{
    Nothing,
    NormPerLayer,
    NormPerLayerShared,
    SumOfNorms,
    SquareOfNorm,
    NoNorm,
    WrongSign,
    SignOfGradient,
    RhoIgnored,
    BoundNotReached,
    NoGuard,
    LastLayerMissing,
    NormOfFirstLayer,
    FirstPassKept,
    SecondPassMissing,
    StaleEpsilon,
    AppliedTwice,
    AccumulationLost,
    ScaleIgnored,
    SummedBeforePerturbing,
    HooksStay,
    ExtraPass,
    GradientDoubled,
    SiteGradientDoubled,
    ForgetsToMerge,
    MergesWithoutScale,
}

/// <summary>
/// A step written out in plain numbers, without this program: two sites, each a matrix W (2, 3) with a low-rank adapter
/// B A (2, 1)(1, 3), e = (W + B A) x + eps, L = sum of log cosh(e - t) + (p e) / 10, or linear in e. With a defect, or
/// without.
/// </summary>
public sealed class PlantedStep(Fault fault) : IVaccineStep
{
    private const int Sites = 2, Rows = 2, Columns = 3, PerSite = Rows * Columns, PerAdapter = Rows + Columns;
    private double[] _weights = [], _base = [];
    private double[][] _inputs = [], _targets = [], _stale = [], _left = [];
    private StepModel _kind;
    private bool _merged;

    public double[][] Perturb(double[][] gradients, double rho)
    {
        double Norm(double[] values) => Math.Sqrt(values.Sum(value => value * value));
        double whole = Norm([.. gradients.SelectMany(site => site)]);
        double guard = fault == Fault.NoGuard ? 0 : 1e-7;
        double Length(int site) => fault switch
        {
            Fault.NormPerLayer => Norm(gradients[site]),
            Fault.NormPerLayerShared => Norm(gradients[site]) * Math.Sqrt(gradients.Length),
            Fault.SumOfNorms => gradients.Sum(Norm),
            Fault.SquareOfNorm => whole * whole,
            Fault.NoNorm => 1,
            Fault.NormOfFirstLayer => Norm(gradients[0]),
            _ => whole,
        };
        double radius = fault switch
        {
            Fault.RhoIgnored => 1,
            Fault.BoundNotReached => 0.99 * rho,
            Fault.WrongSign => -rho,
            _ => rho,
        };
        return [.. gradients.Select((site, number) => site.Select(value => fault switch
        {
            Fault.LastLayerMissing when number == gradients.Length - 1 => 0,
            Fault.SignOfGradient => radius * Math.Sign(value) / Math.Sqrt(gradients.Sum(all => all.Length)),
            _ => radius * value / (Length(number) + guard),
        }).ToArray())];
    }

    public bool Begin(StepCase drawn)
    {
        double[] Draw(string name, int count) =>
            [.. Enumerable.Range(0, count).Select(i => drawn.Random.At(name).Normal(i))];
        (_kind, _merged, _stale, _left) = (drawn.Model, false, [], []);
        _base = Draw("base", Sites * PerSite);
        _weights = drawn.Model == StepModel.Adapted ? Draw("adapter", Sites * PerAdapter) : [.. _base];
        _inputs = [Draw("x0", Sites * Columns), Draw("x1", Sites * Columns)];
        _targets = [Draw("t0", Sites * Rows), Draw("t1", Sites * Rows)];
        return true;
    }

    public double[]? Weights() => [.. _weights];

    public void SetWeights(double[] weights) => _weights = [.. weights];

    public double? Loss(int batch, double[][] epsilon) => Moved(batch, Plus(epsilon, _left)).SelectMany(site => site)
        .Select((e, i) => Loss(e, _targets[batch][i])).Sum();

    public double[][]? Gradients(int batch) =>
        Slopes(batch, _left, fault == Fault.SiteGradientDoubled ? 2 : 1);

    public StepResult? Step(double rho, IReadOnlyList<MicroBatch> batches)
    {
        double[] sum = new double[_weights.Length];
        int passes = fault == Fault.ExtraPass ? 1 : 0;
        double[][] shared = fault == Fault.SummedBeforePerturbing
            ? Perturb(batches.Select(one => Gradients(one.Batch)!).Aggregate(Plus), rho)
            : [];
        foreach (var (batch, scale) in batches)
        {
            double[][] now = shared.Length > 0 ? shared : Perturb(Gradients(batch)!, rho);
            double[][] epsilon = fault switch
            {
                Fault.StaleEpsilon => _stale,
                Fault.SecondPassMissing => [],
                Fault.AppliedTwice => Plus(now, now),
                _ => now,
            };
            _stale = now;
            double[] gradient = OfWeights(batch, Slopes(batch, epsilon, fault == Fault.GradientDoubled ? 2 : 1));
            if (fault == Fault.FirstPassKept)
                gradient = Numbers.Mix(1, gradient, 1, OfWeights(batch, Slopes(batch, [], 1)));
            sum = Numbers.Mix(
                fault == Fault.AccumulationLost ? 0 : 1, sum, fault == Fault.ScaleIgnored ? 1 : scale, gradient);
            passes += 2;
            if (fault == Fault.HooksStay)
                _left = now;
        }

        return new(sum, passes, passes);
    }

    public bool Merge(bool merged)
    {
        if (merged == _merged || fault == Fault.ForgetsToMerge)
            return true;
        double[] product = Product();
        _base = Numbers.Mix(1, _base, (merged ? 1 : -1) * (fault == Fault.MergesWithoutScale ? 0.5 : 1), product);
        _merged = merged;
        return true;
    }

    private double Loss(double e, double target) =>
        _kind == StepModel.Linear ? target * e : LogCosh(e - target) + (0.1 * target * e);

    // B A of every site
    private double[] Product() => [.. Enumerable.Range(0, Sites * PerSite).Select(i =>
    {
        int site = i / PerSite, row = i % PerSite / Columns, column = i % Columns;
        return _weights[(site * PerAdapter) + row] * _weights[(site * PerAdapter) + Rows + column];
    })];

    private double[] Whole() =>
        _kind != StepModel.Adapted ? _weights : _merged ? _base : Numbers.Mix(1, _base, 1, Product());

    private double[][] Moved(int batch, double[][] epsilon)
    {
        double[] whole = Whole();
        return [.. Enumerable.Range(0, Sites).Select(site => Enumerable.Range(0, Rows).Select(row =>
            Enumerable.Range(0, Columns)
                .Sum(c => whole[(site * PerSite) + (row * Columns) + c] * _inputs[batch][(site * Columns) + c])
            + (epsilon.Length == 0 ? 0 : epsilon[site][row])).ToArray())];
    }

    private double[][] Slopes(int batch, double[][] epsilon, double factor) =>
        [.. Moved(batch, epsilon).Select((site, number) => site.Select((e, row) =>
        {
            double target = _targets[batch][(number * Rows) + row];
            return factor * (_kind == StepModel.Linear ? target : Math.Tanh(e - target) + (0.1 * target));
        }).ToArray())];

    private double[] OfWeights(int batch, double[][] slopes)
    {
        double Whole(int site, int row, int c) => slopes[site][row] * _inputs[batch][(site * Columns) + c];
        if (_kind != StepModel.Adapted)
            return [.. Enumerable.Range(0, Sites * PerSite)
                .Select(i => Whole(i / PerSite, i % PerSite / Columns, i % Columns))];
        return [.. Enumerable.Range(0, Sites * PerAdapter).Select(i =>
        {
            int site = i / PerAdapter, at = i % PerAdapter, first = site * PerAdapter;
            return at < Rows
                ? Enumerable.Range(0, Columns).Sum(c => Whole(site, at, c) * _weights[first + Rows + c])
                : Enumerable.Range(0, Rows).Sum(row => Whole(site, row, at - Rows) * _weights[first + row]);
        })];
    }

    private static double[][] Plus(double[][] x, double[][] y) =>
        y.Length == 0 ? x : x.Length == 0 ? y : [.. x.Zip(y, (a, b) => Numbers.Mix(1, a, 1, b))];

    private static double LogCosh(double x) => Math.Abs(x) + Math.Log((1 + Math.Exp(-2 * Math.Abs(x))) / 2);
}
