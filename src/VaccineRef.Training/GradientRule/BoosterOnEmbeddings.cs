using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of Booster on hidden embeddings.</summary>
/// <param name="Lambda">The weight of the regulariser, at least 0; at 0 it is left out.</param>
/// <param name="Alpha">The length of the simulated step over all embeddings together, at least 0.</param>
/// <param name="Dropout">Whether the two passes on the harmful batch share their dropout masks.</param>
/// <param name="Sites">Which hidden embeddings are moved; attention outputs unless said otherwise.</param>
public sealed record BoosterOnEmbeddingsOptions(
    double Lambda = 5, double Alpha = 0.1, PassDropout Dropout = PassDropout.Shared,
    IReadOnlyList<SiteKind>? Sites = null) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"Booster on embeddings, lambda = {NumberText.Of(Lambda)}, alpha = {NumberText.Of(Alpha)}", SitesText.Of(Sites),
        Dropout.Variation());

    /// <inheritdoc/>
    public override PassCount Passes() => Lambda > 0 ? new(3, 3) : new(1, 1);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new BoosterOnEmbeddings<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Lambda, $"{path}.lambda", "lambda is no weight");
        RequireFinite(Alpha, $"{path}.alpha", "alpha is not the length of a step");
    }
}

/// <summary>
/// Booster whose harmful step moves the hidden embeddings instead of the weights: f(w) + lambda (h(w) - h(w; e - eps)),
/// eps held constant. Three forward and three reverse passes, and one copy of what is trained.
/// <code>
/// eps_l = alpha g_l / (||(g_1..g_L)|| + 1e-7),  g_l = dh/de_l
/// g     = df/dw + lambda (dh/dw - d/dw h with e_l := f_l(.) - eps_l)
/// </code>
/// Source: the history of git-disl/Rebellion (459691e), whose present form returns a loss that it does not define. No
/// paper has it.
/// </summary>
public sealed class BoosterOnEmbeddings<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly BoosterOnEmbeddingsOptions _options;
    private readonly SiteKind[] _sites;
    private readonly ParameterVector<T> _gradient;
    private readonly Perturbation<T> _epsilon;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public BoosterOnEmbeddings(BoosterOnEmbeddingsOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _sites) = (options, [.. options.Sites ?? [SiteKind.AttentionOutput]]);
        (_gradient, _epsilon) = (new(device), new(-options.Alpha, PerturbationNorm.Batch, device));
    }

    /// <inheritdoc/>
    public string Name => "booster_on_embeddings";

    /// <inheritdoc/>
    public long StateBytes => _gradient.Bytes;

    /// <summary>
    /// What the last step added to the embeddings of its harmful batch: -eps. The next step overwrites it.
    /// </summary>
    public Perturbation<T> Epsilon => _epsilon;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        var harmful = state.Next(StreamName.Harmful);
        double loss = state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale);
        if (_options.Lambda == 0)
            return new(loss);
        double weight = _options.Lambda * scale;
        var record = new Record<T>(_sites) { ForGradients = true };
        SitePass.Ascend(
            state, objective, harmful, record, _gradient, DropoutMasks.OtherBatch,
            gradients => _epsilon.Fill(record, gradients, harmful));
        _gradient.AddToGradients(weight);
        int second = DropoutMasks.OtherBatch + _options.Dropout.Pass(1);
        SitePass.Descend(state, objective, harmful, new Shift<T>(_epsilon), -weight, second);
        return new(loss, SiteGradientNorm: _epsilon.GradientNorm, PerturbationNorm: _epsilon.Norm);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gradient.Dispose();
        _epsilon.Dispose();
    }
}
