using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>Cross-entropy whose alignment is held by a divergence has no settings.</summary>
public sealed record AlignedKlOptions : ObjectiveOptions
{
    /// <inheritdoc/>
    public override string Label() => "cross-entropy, KL on alignment data";

    /// <inheritdoc/>
    public override IObjective<T> Make<T>(ObjectiveContext<T> context) =>
        new AlignedKlObjective<T>(context.Model.Network, context.Model.Trainable, context.Model.Device);
}

/// <summary>
/// Cross-entropy on the stage's data; on alignment data that a rule draws besides, KL(p_0 || p) over the vocabulary,
/// the mean over the counted tokens, with p_0 the model as it was when this was made, without dropout. A pass on
/// alignment data needs one more forward pass, and a copy of what is trained is held. Source: the alignment loss of
/// SafeGrad, arXiv 2508.07172.
/// </summary>
public sealed class AlignedKlObjective<T> : IObjective<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly CrossEntropyObjective<T> _loss;
    private readonly KlObjective<T> _kl;

    /// <summary>Makes the model in its present state the teacher.</summary>
    /// <param name="model">The model to be trained.</param>
    /// <param name="parameters">The parameters of the model that will be trained.</param>
    /// <param name="device">Where the parameters live.</param>
    public AlignedKlObjective(ILanguageModel<T> model, IReadOnlyList<Parameter<T>> parameters, Device device)
    {
        (_loss, _kl) = (new(model), new(model, parameters, lambda: 1, Variant.Paper, device));
        Aligning = new Divergence(_kl);
    }

    /// <inheritdoc/>
    public string Name => "aligned_kl";

    /// <inheritdoc/>
    public IObjective<T> Aligning { get; }

    /// <inheritdoc/>
    public long StateBytes => _kl.StateBytes;

    /// <inheritdoc/>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch) => _loss.Loss(pass, batch);

    /// <inheritdoc/>
    public void Dispose() => _kl.Dispose();

    private sealed class Divergence(KlObjective<T> kl) : IObjective<T>
    {
        public string Name => "kl";

        public Tensor<T> Loss(Pass<T> pass, PackedBatch batch) => kl.Divergence(pass, batch);
    }
}
