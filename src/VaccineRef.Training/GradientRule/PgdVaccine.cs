using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of Vaccine with several steps of ascent.</summary>
/// <param name="Rho">Radius of the L2 ball, at least 0.</param>
/// <param name="Steps">How many steps of ascent, k; one is Vaccine.</param>
/// <param name="StepLength">The length of each step, at most rho; rho unless said otherwise.</param>
/// <param name="Norm">Over what the ball is measured.</param>
/// <param name="Dropout">Whether all passes of a step share their dropout masks.</param>
/// <param name="Sites">Which hidden embeddings are moved; attention outputs unless said otherwise.</param>
public sealed record PgdVaccineOptions(
    double Rho, int Steps = 3, double? StepLength = null, PerturbationNorm Norm = PerturbationNorm.World,
    PassDropout Dropout = PassDropout.Shared, IReadOnlyList<SiteKind>? Sites = null) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label()
    {
        string step = StepLength is { } length ? $", step {NumberText.Of(length)}" : "";
        return $"PGD Vaccine, rho = {NumberText.Of(Rho)}, k = {Steps}{step}{new VaccineOptions(Rho, Norm, Dropout, Sites).Variations()}";
    }

    /// <inheritdoc/>
    public override PassCount Passes() => new(Steps + 1, Steps + 1);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new PgdVaccine<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
        RequireCount(Steps, $"{path}.steps", "there is no such number of steps of ascent");
        if (StepLength is { } length && !(length >= 0 && length <= Rho))
            throw new InputException(
                "a step of ascent leaves the ball", $"{path}.step_length", NumberText.Of(length), "from 0 to rho");
    }
}

/// <summary>
/// Vaccine whose inner maximisation is projected gradient ascent over the same ball; k + 1 forward passes, k reverse
/// passes to the sites and one to the parameters:
/// <code>
/// eps^0 = 0
/// eps^i = project( eps^(i-1) + eta g / (||g|| + 1e-7) ),  g = df/de at e + eps^(i-1),  i = 1 .. k
/// g     = d/dw f with e_l := f_l(.) + eps^k_l
/// </code>
/// With k = 1 and eta = rho it is Vaccine, bit for bit. Source: Madry et al., arXiv 1706.06083, over the ball of arXiv
/// 2402.01109.
/// </summary>
public sealed class PgdVaccine<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly PgdVaccineOptions _options;
    private readonly SiteKind[] _sites;
    private readonly double _length;
    private readonly Perturbation<T> _alone, _step;
    private readonly SharedBall<T> _ball, _steps;
    private readonly Dictionary<int, double> _clean = [];       // f(w; x) of the micro-batches that share a ball
    private double _firstNorm;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public PgdVaccine(PgdVaccineOptions options, Device device)
    {
        options.Validate("rule");
        _options = options;
        _sites = [.. options.Sites ?? [SiteKind.AttentionOutput]];
        _length = options.StepLength ?? options.Rho;
        (_alone, _step) = (new(options.Rho, options.Norm, device), new(_length, options.Norm, device));
        (_ball, _steps) = (new(options.Rho, options.Norm, device), new(_length, options.Norm, device));
        Epsilon = _alone;
    }

    /// <inheritdoc/>
    public string Name => "pgd_vaccine";

    /// <inheritdoc/>
    public long StateBytes => _ball.SpareBytes + _steps.SpareBytes;

    /// <summary>The perturbation of the last micro-batch. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon { get; private set; }

    /// <inheritdoc/>
    public void Survey(IObjective<T> objective, StepBatches batches, TrainState<T> state)
    {
        if (!_ball.IsShared)
            return;
        _ball.Begin(batches, state);
        _steps.Begin(batches, state);
        _ball.Fill(i =>
        {
            double squared = 0;
            _clean[i] = Ascend(
                objective, batches.All[i], state, null, 0,
                (record, gradients) => squared = _ball[i].Load(record, gradients));
            return squared;
        }, length: _length);
        _firstNorm = _ball.GradientNorm;
        for (int step = 1; step < _options.Steps; step++)
        {
            _steps.Fill(i =>
            {
                double squared = 0;
                Ascend(
                    objective, batches.All[i], state, _ball[i], step,
                    (record, gradients) => squared = _steps[i].Load(record, gradients));
                return squared;
            });
            _ball.Step(_steps);
        }
    }

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        bool shared = _ball.Has(state);
        Epsilon = shared ? _ball[state.MicroBatch] : _alone;
        var (clean, norm) = shared ? (_clean[state.MicroBatch], _firstNorm) : Climb(objective, batch, state);
        double moved = SitePass.Descend(
            state, objective, batch, new Shift<T>(Epsilon), scale, _options.Dropout.Pass(_options.Steps));
        return new(moved, clean, norm, shared ? _ball.Norm : Epsilon.Norm);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var each in (IDisposable[])[_alone, _step, _ball, _steps])
            each.Dispose();
    }

    /// <summary>
    /// All steps of ascent in a ball of this micro-batch alone. Gives the clean loss, and the norm of the first
    /// gradient.
    /// </summary>
    private (double Clean, double Norm) Climb(IObjective<T> objective, PackedBatch batch, TrainState<T> state)
    {
        double clean = Ascend(
            objective, batch, state, null, 0, (record, gradients) => _alone.Fill(record, gradients, batch, _length));
        double norm = _alone.GradientNorm;
        for (int step = 1; step < _options.Steps; step++)
            Ascend(objective, batch, state, _alone, step, (record, gradients) =>
            {
                _step.Fill(record, gradients, batch);
                _alone.Step(_step, batch);
            });
        return (clean, norm);
    }

    /// <summary>One pass to the sites, moved as far as it went so far. Gives its loss.</summary>
    private double Ascend(
        IObjective<T> objective, PackedBatch batch, TrainState<T> state, Perturbation<T>? moved, int pass,
        Action<Record<T>, Gradients<T>> use)
    {
        var record = new Record<T>(_sites) { ForGradients = true };
        ITap<T> tap = moved is null ? record : new InTurn<T>(new Shift<T>(moved), record);
        var (loss, gradients) = SitePass.Ascend(state, objective, batch, record, tap, _options.Dropout.Pass(pass));
        use(record, gradients);
        state.Tape.Clear();
        return loss;
    }
}
