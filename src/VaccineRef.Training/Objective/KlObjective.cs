using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>Which form of a method to use, if the released code does not compute what the paper describes.</summary>
[JsonConverter(typeof(SnakeCase<Variant>))]
public enum Variant
{
    /// <summary>As the paper describes it.</summary>
    Paper,

    /// <summary>As the released code computes it, without its obvious bugs.</summary>
    AsReleased,
}

/// <summary>The settings of the KL baseline.</summary>
/// <param name="Lambda">The divergence's weight.</param>
/// <param name="Variant">Over what the divergence is taken.</param>
public sealed record KlOptions(double Lambda, Variant Variant = Variant.Paper) : ObjectiveOptions
{
    /// <inheritdoc/>
    public override string Label() =>
        $"KL, lambda = {NumberText.Of(Lambda)}{(Variant == Variant.AsReleased ? ", as released" : "")}";

    /// <inheritdoc/>
    public override void Validate(string path) => RequireWeight(Lambda, path);

    /// <inheritdoc/>
    public override IObjective<T> Make<T>(ObjectiveContext<T> context) =>
        new KlObjective<T>(context.Model.Network, context.Model.Trainable, Lambda, Variant, context.Model.Device);
}

/// <summary>
/// Cross-entropy + lambda KL(teacher || model). The teacher is the model as it was when this was made, without dropout.
/// A step needs two forward passes and one reverse pass. Source: the KL baseline of arXiv 2402.01109.
/// <code>
/// paper         the distributions of the next token over the vocabulary; mean over the counted tokens
/// as released   for each entry of the vocabulary, a softmax over the positions of a sequence (a distribution over
/// time), including
///               the prompt; sum over all of them, divided by the number of sequences (see docs/deviations.md, D9)
/// </code>
/// </summary>
public sealed class KlObjective<T> : IObjective<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ILanguageModel<T> _model;
    private readonly Variant _form;
    private readonly double _lambda;
    private readonly AnchoredParameters<T> _anchors;
    private readonly Tape<T> _teaching;
    private readonly NextTokenLoss<T> _loss;
    private readonly Linear<T> _head = new();
    private readonly Mean<T> _mean = new();
    private readonly Op<T> _divergence;
    private View<T> _teacherLogits;

    /// <summary>Makes the model in its present state the teacher.</summary>
    /// <param name="model">The model to be trained.</param>
    /// <param name="parameters">The parameters of the model that will be trained.</param>
    /// <param name="lambda">The weight of the divergence.</param>
    /// <param name="form">Which distributions are compared.</param>
    /// <param name="device">Where the parameters live.</param>
    public KlObjective(
        ILanguageModel<T> model, IReadOnlyList<Parameter<T>> parameters, double lambda, Variant form, Device device)
    {
        (_model, _form, _lambda) = (model, form, lambda);
        (_loss, _anchors, _teaching) = (new(model), new(parameters, device), new(device));
        _divergence = form == Variant.AsReleased ? new KlOverTime<T>() : new KlDivergence<T>();
    }

    /// <inheritdoc/>
    public string Name => "kl";

    /// <inheritdoc/>
    public long StateBytes => _anchors.Bytes + _teaching.Activations.Peak;

    /// <inheritdoc/>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        NextTokenLoss<T>.RequireCounted(pass, batch);
        var tape = pass.Tape;
        bool counted = OnlyCounted;
        var hidden = Hidden(pass, batch);
        var loss = _loss.Of(pass, hidden, counted ? batch.CountedTargets : batch.Targets);
        if (_lambda == 0)
            return loss;
        _anchors.With(() => Teach(batch));
        var divergence = tape.Apply(
            _divergence, [tape.Apply(_head, [hidden, tape.Of(_model.Head)]), tape.Constant(_teacherLogits)],
            _form == Variant.AsReleased ? batch.Offsets : default);
        double terms = counted ? 1 : (double)divergence.Shape.Count / batch.Sequences;
        return tape.Apply(new Add<T>(_lambda * terms), [loss, tape.Apply(_mean, [divergence])]);
    }

    /// <summary>The divergence alone, in the paper's form: the mean over the counted tokens.</summary>
    internal Tensor<T> Divergence(Pass<T> pass, PackedBatch batch)
    {
        NextTokenLoss<T>.RequireCounted(pass, batch);
        var hidden = Hidden(pass, batch);
        _anchors.With(() => Teach(batch));
        var logits = pass.Tape.Apply(_head, [hidden, pass.Tape.Of(_model.Head)]);
        return pass.Tape.Apply(_mean, [pass.Tape.Apply(_divergence, [logits, pass.Tape.Constant(_teacherLogits)])]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _teaching.Dispose();
        _anchors.Dispose();
    }

    // the released divergence runs over all positions
    private bool OnlyCounted => _form == Variant.Paper || _lambda == 0;

    /// <summary>Computes the teacher's logits; they stay until the next call.</summary>
    private void Teach(PackedBatch batch)
    {
        _teaching.Clear();
        _teacherLogits = _teaching.Apply(
            _head, [Hidden(new(_teaching, new NoTap<T>()), batch), _teaching.Of(_model.Head)]).Value;
    }

    private Tensor<T> Hidden(Pass<T> pass, PackedBatch batch) => OnlyCounted
        ? _model.Forward(pass, batch, outputRows: batch.CountedRows)
        : _model.Forward(pass, batch);
}
