using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of elastic weight consolidation.</summary>
/// <param name="Lambda">The penalty's weight.</param>
/// <param name="Variant">Which estimate of the Fisher information.</param>
public sealed record EwcOptions(double Lambda, Variant Variant = Variant.Paper) : ObjectiveOptions
{
    /// <inheritdoc/>
    public override string Label() =>
        $"EWC, lambda = {NumberText.Of(Lambda)}{(Variant == Variant.AsReleased ? ", as released" : "")}";

    /// <inheritdoc/>
    public override bool NeedsReference() => true;

    /// <inheritdoc/>
    public override void Validate(string path) => RequireWeight(Lambda, path);

    /// <inheritdoc/>
    public override IObjective<T> Make<T>(ObjectiveContext<T> context)
    {
        var model = context.Model;
        var loss = new CrossEntropyObjective<T>(model.Network);
        var batches = context.Reference().Chunk(Variant == Variant.Paper ? 1 : context.BatchSize)
            .Select(PackedBatch.Pack).ToArray();
        var fisher = FisherDiagonal<T>.Estimate(loss, model.Trainable, batches, Variant, model.Device);
        return new EwcObjective<T>(loss, model.Trainable, fisher, Lambda, model.Device);
    }
}

/// <summary>
/// Elastic weight consolidation: f(w) + lambda sum F (w - w_0)^2. Here w_0 are the parameters as they were when this
/// was made, and F is the diagonal of the Fisher information of the alignment data at w_0. As in Vaccine's released
/// code there is no factor 1/2, so that the gradient of the penalty is 2 lambda F (w - w_0). Source: arXiv 1612.00796,
/// eq. 3; a baseline of arXiv 2402.01109.
/// </summary>
/// <remarks>
/// On a new adapter B is 0, so that A has no gradient and F is 0 for it: only B is anchored (see docs/deviations.md,
/// D13).
/// </remarks>
public sealed class EwcObjective<T> : IObjective<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly IObjective<T> _inner;
    private readonly AnchoredParameters<T> _anchors;
    private readonly FisherDiagonal<T> _fisher;
    private readonly WeightedSquaredDistance<T> _distance = new();
    private readonly Mean<T> _mean = new();
    private readonly Add<T>[] _add;

    /// <summary>Anchors the parameters at their present values.</summary>
    /// <param name="inner">The objective f.</param>
    /// <param name="parameters">The parameters to be trained.</param>
    /// <param name="fisher">F for these parameters, in the same order. This objective disposes it.</param>
    /// <param name="lambda">The weight of the penalty.</param>
    /// <param name="device">Where the parameters live.</param>
    public EwcObjective(
        IObjective<T> inner, IReadOnlyList<Parameter<T>> parameters, FisherDiagonal<T> fisher, double lambda,
        Device device)
    {
        (_inner, _fisher, _anchors) = (inner, fisher, new(parameters, device));
        // a sum from a mean over rows
        _add = [.. parameters.Select(parameter => new Add<T>(lambda * parameter.Shape.Rows))];
    }

    /// <inheritdoc/>
    public string Name => "ewc";

    /// <inheritdoc/>
    public long StateBytes => 2 * _anchors.Bytes;               // F has the size of w_0

    /// <inheritdoc/>
    public Tensor<T> Loss(Pass<T> pass, PackedBatch batch)
    {
        var tape = pass.Tape;
        var loss = _inner.Loss(pass, batch);
        for (int i = 0; i < _add.Length; i++)
        {
            var rows = tape.Apply(
                _distance,
                [tape.Of(_anchors.Parameters[i]), tape.Constant(_anchors.Values[i]), tape.Constant(_fisher.Values[i])]);
            loss = tape.Apply(_add[i], [loss, tape.Apply(_mean, [rows])]);
        }

        return loss;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _anchors.Dispose();
        _fisher.Dispose();
    }
}
