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
    double Rho, int Steps = 3, double? StepLength = null, PerturbationNorm Norm = PerturbationNorm.Batch,
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
            throw new InputException("a step of ascent leaves the ball", $"{path}.step_length", NumberText.Of(length), "from 0 to rho");
    }
}

/// <summary>
/// Vaccine whose inner maximisation is projected gradient ascent over the same ball; k + 1 forward passes, k reverse passes to the
/// sites and one to the parameters:
/// <code>
/// eps^0 = 0
/// eps^i = project( eps^(i-1) + eta g / (||g|| + 1e-7) ),  g = df/de at e + eps^(i-1),  i = 1 .. k
/// g     = d/dw f with e_l := f_l(.) + eps^k_l
/// </code>
/// With k = 1 and eta = rho it is Vaccine, bit for bit. Source: Madry et al., arXiv 1706.06083, over the ball of arXiv 2402.01109.
/// </summary>
public sealed class PgdVaccine<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly PgdVaccineOptions _options;
    private readonly SiteKind[] _sites;
    private readonly double _length;
    private readonly Perturbation<T> _epsilon, _step;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public PgdVaccine(PgdVaccineOptions options, Device device)
    {
        options.Validate("rule");
        _options = options;
        _sites = [.. options.Sites ?? [SiteKind.AttentionOutput]];
        _length = options.StepLength ?? options.Rho;
        (_epsilon, _step) = (new(options.Rho, options.Norm, device), new(_length, options.Norm, device));
    }

    /// <inheritdoc/>
    public string Name => "pgd_vaccine";

    /// <summary>The perturbation of the last step. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon => _epsilon;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        double clean = Begin(objective, batch, state), norm = _epsilon.GradientNorm;
        for (int i = 1; i < _options.Steps; i++)
        {
            var record = new Record<T>(_sites) { ForGradients = true };
            var moving = new InTurn<T>(new Shift<T>(_epsilon), record);
            var (_, gradients) = SitePass.Ascend(state, objective, batch, record, moving, Pass(i));
            _step.Fill(record, gradients, batch);
            _epsilon.Step(_step, batch);
            state.Tape.Clear();
        }

        double moved = SitePass.Descend(state, objective, batch, new Shift<T>(_epsilon), scale, Pass(_options.Steps));
        return new(moved, clean, norm, _epsilon.Norm);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _epsilon.Dispose();
        _step.Dispose();
    }

    /// <summary>The first step, which needs no projection because it is no longer than rho. Returns the clean loss.</summary>
    private double Begin(IObjective<T> objective, PackedBatch batch, TrainState<T> state)
    {
        var record = new Record<T>(_sites) { ForGradients = true };
        var (clean, gradients) = SitePass.Ascend(state, objective, batch, record);
        _epsilon.Fill(record, gradients, batch, _length);
        state.Tape.Clear();
        return clean;
    }

    private int Pass(int number) => _options.Dropout.Pass(number);
}
