using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of adaptive Vaccine.</summary>
/// <param name="Rho">Radius of the ball || eps / |e| ||, at least 0: a share of the embeddings, not a length.</param>
/// <param name="Norm">Over what the ball is measured.</param>
/// <param name="Dropout">Whether the two passes share their dropout masks.</param>
/// <param name="Sites">Which hidden embeddings are moved; attention outputs unless said otherwise.</param>
public sealed record AdaptiveVaccineOptions(
    double Rho, PerturbationNorm Norm = PerturbationNorm.Batch, PassDropout Dropout = PassDropout.Shared,
    IReadOnlyList<SiteKind>? Sites = null) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() =>
        $"adaptive Vaccine, rho = {NumberText.Of(Rho)}"
        + $"{(Norm == PerturbationNorm.Batch ? "" : ", norm sample")}{Dropout.Variation()}{SitesText.Of(Sites)}";

    /// <inheritdoc/>
    public override PassCount Passes() => new(2, 2);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new AdaptiveVaccine<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
        if (Norm is not (PerturbationNorm.Batch or PerturbationNorm.Sample))
            throw new InputException(
                "adaptive Vaccine has no ball that several micro-batches share", $"{path}.norm", SnakeCase.Of(Norm),
                "batch or sample");
    }
}

/// <summary>
/// Vaccine over a ball that is measured in shares of the embeddings, as adaptive SAM does with weights; two forward
/// passes, two reverse:
/// <code>
/// eps_l = rho e_l^2 g_l / ( || |e| g || + 1e-7 ),  element by element, one norm over all sites
/// g     = d/dw f with e_l := f_l(.) + eps_l
/// </code>
/// No paper has it: it stands in a comment of Booster's trainer (git-disl/Booster, trainer.py) and is a control here.
/// </summary>
public sealed class AdaptiveVaccine<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly AdaptiveVaccineOptions _options;
    private readonly SiteKind[] _sites;
    private readonly Perturbation<T> _epsilon;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">rho is negative or not finite.</exception>
    public AdaptiveVaccine(AdaptiveVaccineOptions options, Device device)
    {
        options.Validate("rule");
        _options = options;
        _sites = [.. options.Sites ?? [SiteKind.AttentionOutput]];
        _epsilon = new(options.Rho, options.Norm, device);
    }

    /// <inheritdoc/>
    public string Name => "adaptive_vaccine";

    /// <summary>The perturbation of the last step. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon => _epsilon;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        // its values are read: they stay
        var record = new Record<T>(_sites);
        var (clean, gradients) = SitePass.Ascend(state, objective, batch, record);
        _epsilon.FillAdaptive(record, gradients, batch);
        state.Tape.Clear();
        int second = _options.Dropout.Pass(1);
        double moved = SitePass.Descend(state, objective, batch, new Shift<T>(_epsilon), scale, second);
        return new(moved, clean, _epsilon.GradientNorm, _epsilon.Norm);
    }

    /// <inheritdoc/>
    public void Dispose() => _epsilon.Dispose();
}
