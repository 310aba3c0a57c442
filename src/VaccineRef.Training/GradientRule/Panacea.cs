using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of Panacea; the defaults are those of its scripts.</summary>
/// <param name="Lambda">The weight of the regulariser, at least 0.</param>
/// <param name="Rho">The length of the perturbation that is left on the weights, at least 0.</param>
/// <param name="Dropout">Whether the two passes on the harmful batch share their dropout masks.</param>
public sealed record PanaceaOptions(double Lambda = 1e-3, double Rho = 1, PassDropout Dropout = PassDropout.Shared)
    : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"Panacea, lambda = {NumberText.Of(Lambda)}, rho = {NumberText.Of(Rho)}", Dropout.Variation());

    /// <inheritdoc/>
    public override PassCount Passes() => new(3, 3);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Panacea<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Lambda, $"{path}.lambda", "lambda is no weight");
        RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
    }
}

/// <summary>
/// Fine-tunes weights that are meant to carry a perturbation which raises the harmful loss, and leaves it on them at
/// the end of the stage. Three forward and three reverse passes, and two copies of what is trained.
/// <code>
/// each step   g1 = dh/dw;   eps = rho g1 / (||g1|| + 1e-7);   g2 = d/dw h at w + eps
///             g  = df/dw - lambda (g2 - g1)
/// at the end  w &lt;- w + eps of the last step
/// </code>
/// It belongs to the stage that trains on the user's data. h is the stage's objective on a batch of harmful data.
/// Source: arXiv 2501.18100, Algorithm 1; git-disl/Panacea, panacea_trainer.py and train.py. The released training loop
/// does not run (it uses a variable that it does not define, and clamps another one at 5); this is the rule as it is
/// specified.
/// </summary>
public sealed class Panacea<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Prevents NaN if the gradient is zero.</summary>
    public const double Guard = HarmfulContrast<T>.Guard;

    private readonly PanaceaOptions _options;
    private readonly HarmfulContrast<T> _contrast;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public Panacea(PanaceaOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _contrast) = (options, new(options.Rho, options.Dropout, device));
    }

    /// <inheritdoc/>
    public string Name => "panacea";

    /// <inheritdoc/>
    public long StateBytes => _contrast.Bytes;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        var harmful = state.Next(StreamName.Harmful);
        double loss = state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale);
        _contrast.Add(objective, harmful, state, _options.Lambda * scale);
        return new(loss);
    }

    /// <summary>Leaves the perturbation of the last step on the weights.</summary>
    public void Complete(TrainState<T> state) => _contrast.Move();

    /// <inheritdoc/>
    public void Dispose() => _contrast.Dispose();
}
