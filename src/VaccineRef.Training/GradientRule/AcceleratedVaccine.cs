using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of accelerated Vaccine.</summary>
/// <param name="Rho">Radius of the L2 ball, at least 0.</param>
/// <param name="Tau">Every tau-th step is perturbed, at least 1.</param>
/// <param name="Norm">Over what the ball is measured.</param>
/// <param name="Dropout">Whether the two passes of a perturbed step share their dropout masks.</param>
/// <param name="Sites">Which hidden embeddings are moved; attention outputs unless said otherwise.</param>
public sealed record AcceleratedVaccineOptions(
    double Rho, int Tau, PerturbationNorm Norm = PerturbationNorm.World, PassDropout Dropout = PassDropout.Shared,
    IReadOnlyList<SiteKind>? Sites = null) : RuleOptions
{
    private VaccineOptions Perturbed => new(Rho, Norm, Dropout, Sites);

    /// <inheritdoc/>
    public override string Label() => $"Vaccine, rho = {NumberText.Of(Rho)}, tau = {Tau}{Perturbed.Variations()}";

    /// <inheritdoc/>
    public override PassCount Passes() => new(1 + (1.0 / Tau), 1 + (1.0 / Tau));

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) =>
        new AcceleratedVaccine<T>(new Vaccine<T>(Perturbed, device), Tau);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        Perturbed.Validate(path);
        if (Tau < 1)
            throw new InputException(
                "tau is not a number of steps", $"{path}.tau", $"{Tau}", "a whole number, at least 1");
    }
}

/// <summary>
/// Algorithm 2 (appendix A of the paper): only every tau-th step is a Vaccine step, that is if t mod tau = 0 with t
/// from 1; all other steps are plain. With tau = 1 this is Algorithm 1, and with tau beyond the last step it is plain
/// fine-tuning.
/// </summary>
public sealed class AcceleratedVaccine<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Vaccine<T> _vaccine;
    private readonly Plain<T> _plain = new();
    private readonly int _tau;

    /// <summary>
    /// Uses <paramref name="vaccine"/> in every <paramref name="tau"/>-th step. This rule disposes it.
    /// </summary>
    /// <exception cref="InputException">tau is below 1.</exception>
    public AcceleratedVaccine(Vaccine<T> vaccine, int tau)
    {
        if (tau < 1)
            throw new InputException("tau is not a number of steps", "tau", $"{tau}", "a whole number, at least 1");
        (_vaccine, _tau) = (vaccine, tau);
    }

    /// <inheritdoc/>
    public string Name => "accelerated_vaccine";

    /// <inheritdoc/>
    public long StateBytes => _vaccine.StateBytes;

    /// <inheritdoc/>
    public void Survey(IObjective<T> objective, StepBatches batches, TrainState<T> state) =>
        RuleOf(state).Survey(objective, batches, state);

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1) =>
        RuleOf(state).Accumulate(objective, batch, state, scale);

    /// <inheritdoc/>
    public void Dispose() => _vaccine.Dispose();

    private IGradientRule<T> RuleOf(TrainState<T> state) => state.Step % _tau == 0 ? _vaccine : _plain;
}
