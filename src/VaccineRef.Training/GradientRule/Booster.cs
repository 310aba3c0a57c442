using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of Booster; the defaults are those of its paper.</summary>
/// <param name="Lambda">The weight of the regulariser, at least 0; at 0 it is left out.</param>
/// <param name="Alpha">The length of the simulated harmful step, at least 0.</param>
/// <param name="Rho">
/// The radius of Vaccine's perturbation in the pass on the alignment data; 0 for none. The release's perturb_aware has
/// 5.
/// </param>
/// <param name="Dropout">Whether the passes on a batch share their dropout masks.</param>
public sealed record BoosterOptions(
    double Lambda = 5, double Alpha = 0.1, double Rho = 0, PassDropout Dropout = PassDropout.Shared)
    : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"Booster, lambda = {NumberText.Of(Lambda)}, alpha = {NumberText.Of(Alpha)}",
        Rho > 0 ? $", rho = {NumberText.Of(Rho)}" : "",
        Dropout.Variation());

    /// <inheritdoc/>
    public override PassCount Passes()
    {
        int passes = (Rho > 0 ? 2 : 1) + (Lambda > 0 ? 2 : 0);
        return new(passes, passes);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Booster<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Lambda, $"{path}.lambda", "lambda is no weight");
        RequireFinite(Alpha, $"{path}.alpha", "alpha is not the length of a step");
        RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
    }
}

/// <summary>
/// Attenuates what a step of harmful fine-tuning gains: f(w) + lambda (h(w) - h(w - alpha u)), with u the direction of
/// h's gradient, held constant. Three forward and three reverse passes (four with Vaccine's perturbation), and two
/// copies of what is trained.
/// <code>
/// g1 = dh/dw;   u = g1 / (||g1|| + 1e-7);   g2 = d/dw h at w - alpha u
/// g  = df/dw + lambda (g1 - g2)
/// </code>
/// h is the stage's objective on a batch of harmful data. Source: arXiv 2409.01586, Algorithm 1; git-disl/Booster,
/// trainer.py, which drops the derivative of u as well. It moves the weights back by adding what it subtracted; here
/// they are copied, so that they come back bit for bit.
/// </summary>
public sealed class Booster<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Prevents NaN if the gradient is zero.</summary>
    public const double Guard = HarmfulContrast<T>.Guard;

    private readonly BoosterOptions _options;
    private readonly IGradientRule<T> _aligning;
    private readonly HarmfulContrast<T> _contrast;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public Booster(BoosterOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _contrast) = (options, new(-options.Alpha, options.Dropout, device));
        _aligning = options.Rho > 0
            ? new Vaccine<T>(new(options.Rho, PerturbationNorm.Batch, options.Dropout), device)
            : new Plain<T>();
    }

    /// <inheritdoc/>
    public string Name => "booster";

    /// <inheritdoc/>
    public long StateBytes => _contrast.Bytes;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        var harmful = state.Next(StreamName.Harmful);
        var report = _aligning.Accumulate(objective, batch, state, scale);
        if (_options.Lambda > 0)
            _contrast.Add(objective, harmful, state, _options.Lambda * scale);
        return report;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        (_aligning as IDisposable)?.Dispose();
        _contrast.Dispose();
    }
}
