using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of LDIFS.</summary>
/// <param name="Lambda">The penalty's weight.</param>
/// <param name="Variant">Whether large terms are dropped, as in the released code of git-disl.</param>
/// <param name="Sites">Which hidden embeddings are held; MLP outputs unless said otherwise.</param>
public sealed record LdifsOptions(double Lambda, Variant Variant = Variant.Paper, IReadOnlyList<SiteKind>? Sites = null)
    : ObjectiveOptions
{
    /// <inheritdoc/>
    public override string Label() =>
        $"LDIFS, lambda = {NumberText.Of(Lambda)}{(Variant == Variant.AsReleased ? ", as released" : "")}";

    /// <inheritdoc/>
    public override void Validate(string path) => RequireWeight(Lambda, path);

    /// <inheritdoc/>
    public override IObjective<T> Make<T>(ObjectiveContext<T> context) =>
        new LdifsObjective<T>(context.Model.Network, context.Model.Trainable, this, context.Model.Device);
}

/// <summary>
/// Fine-tuning that holds hidden embeddings where they were: the L2 distance in feature space.
/// <code>
/// paper         f(w) + (lambda / S) sum over l and tokens of || e_l - e_l^0 ||^2,   S the number of sequences
/// as released   f(w) + sum over l of q_l where q_l &lt; 0.1,   q_l = (lambda / 2) sum over tokens of || e_l - e_l^0
/// ||^2
/// </code>
/// e^0 are those of the model as it was when this was made, without dropout. All tokens count, prompts included. As
/// released, a layer that has drifted too far is let go at once: a step of the loss. A step needs one more forward
/// pass, and a copy of what is trained. Source: Mukhoti et al., arXiv 2308.13320, Eq. 4, for the penalty;
/// git-disl/Booster, trainer.py, for MLP outputs and the gate.
/// </summary>
public sealed class LdifsObjective<T> : IObjective<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>From which a term is dropped, as released.</summary>
    public const double Gate = 0.1;

    private readonly ILanguageModel<T> _model;
    private readonly LdifsOptions _options;
    private readonly AnchoredParameters<T> _anchors;
    private readonly Tape<T> _teaching;
    private readonly NextTokenLoss<T> _loss;
    private readonly SquaredDistance<T> _distance = new();
    private readonly Mean<T> _mean = new();

    /// <summary>Makes the model in its present state the one whose embeddings are kept.</summary>
    /// <param name="model">The model to be trained.</param>
    /// <param name="parameters">The parameters of the model that will be trained.</param>
    /// <param name="options">The settings.</param>
    /// <param name="device">Where the parameters live.</param>
    /// <exception cref="InputException">lambda is no weight.</exception>
    public LdifsObjective(
        ILanguageModel<T> model, IReadOnlyList<Parameter<T>> parameters, LdifsOptions options, Device device)
    {
        options.Validate("objective");
        (_model, _options, _loss, _anchors, _teaching) =
            (model, options, new(model), new(parameters, device), new(device));
    }

    /// <inheritdoc/>
    public string Name => "ldifs";

    /// <inheritdoc/>
    public long StateBytes => _anchors.Bytes + _teaching.Activations.Peak;

    /// <inheritdoc/>
    /// <exception cref="InputException">
    /// In training, no label of the batch counts; or the model has none of the sites.
    /// </exception>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        NextTokenLoss<T>.RequireCounted(pass, batch);
        if (_options.Lambda == 0)
            return _loss.Of(pass, _model.Forward(pass, batch, outputRows: batch.CountedRows), batch.CountedTargets);
        View<T>[] kept = [];
        _anchors.With(() => kept = Teach(batch));
        var record = Recorder();
        var hidden = _model.Forward(pass with { Tap = new Behind<T>(pass.Tap, record) }, batch);
        var loss = _loss.Of(pass, hidden, batch.Targets);
        for (int i = 0; i < kept.Length; i++)
            loss = Penalise(pass.Tape, loss, record.Hidden[i], kept[i], batch.Sequences);
        return loss;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _teaching.Dispose();
        _anchors.Dispose();
    }

    private Tensor<T> Penalise(Tape<T> tape, Tensor<T> loss, Tensor<T> hidden, View<T> kept, int sequences)
    {
        var mean = tape.Apply(_mean, [tape.Apply(_distance, [hidden, tape.Constant(kept)])]);
        if (_options.Variant == Variant.Paper)
            return tape.Apply(new Add<T>(_options.Lambda * kept.Rows / sequences), [loss, mean]);
        double weight = _options.Lambda / 2 * kept.Rows;
        return weight * tape.Read(mean) < Gate ? tape.Apply(new Add<T>(weight), [loss, mean]) : loss;
    }

    /// <summary>The embeddings that are kept; they stay until the next call.</summary>
    private View<T>[] Teach(PackedBatch batch)
    {
        _teaching.Clear();
        var record = Recorder();
        _model.Forward(new(_teaching, record), batch);
        SitePass.RequireSites(record);
        var kept = new View<T>[record.Sites.Count];
        for (int i = 0; i < kept.Length; i++)
            kept[i] = record.Hidden[i].Value;
        return kept;
    }

    private Record<T> Recorder() => new(_options.Sites ?? [SiteKind.MlpOutput]);
}
