using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of OASIS; the defaults are those of its scripts, for a model of 32 layers.</summary>
/// <param name="Rho">Radius of the L2 ball before the projection, at least 0.</param>
/// <param name="Layers">How many layers are perturbed, those that harmful data moves most.</param>
/// <param name="ProbeEvery">Steps between two looks at the harmful data.</param>
/// <param name="Variant">What becomes of the parameters of the other layers.</param>
/// <param name="Dropout">Whether the two passes share their dropout masks.</param>
public sealed record OasisOptions(
    double Rho = 3, int Layers = 20, int ProbeEvery = 100, Variant Variant = Variant.Paper,
    PassDropout Dropout = PassDropout.Shared)
    : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"OASIS, rho = {NumberText.Of(Rho)}, {Layers} layers, every {ProbeEvery}",
        Variant == Variant.AsReleased ? ", as released" : "",
        Dropout.Variation());

    /// <inheritdoc/>
    public override PassCount Passes() => new(2 + (1.0 / ProbeEvery), 2 + (1.0 / ProbeEvery));

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Oasis<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
        RequireCount(Layers, $"{path}.layers", "there is no such number of layers");
        RequireCount(ProbeEvery, $"{path}.probe_every", "that is not a number of steps");
    }
}

/// <summary>
/// Vaccine on the layers that harmful data moves most, with a perturbation that has no part along the direction of the
/// harmful gradient. Two forward and two reverse passes; every K-th step has one more of each.
/// <code>
/// every K steps   d_l = dh/de_l on one batch h of harmful data;  A = the layers with the largest || d_l ||
///                 dbar_l = mean of d_l over the tokens
/// every step      e_l   = rho g_l / (|| g_A || + 1e-7) for l in A
///                 eps_l = e_l - (e_l . dbar_l) / (|| dbar_l ||^2 + 1e-7) dbar_l,  for each token
///                 g     = d/dw f with e_l := f_l(.) + eps_l
/// </code>
/// The parameters of the other layers are held. As released their gradients are only set to zero, so that AdamW goes on
/// moving them by its momentum and by weight decay. Source: the released code, xiaoroyi/OASIS, oasis_trainer.py.
/// </summary>
public sealed class Oasis<T> : IGradientRule<T>, IKeepsState<T>, IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Added to || dbar ||^2, so that a direction of zero projects nothing out.</summary>
    public const double Guard = 1e-7;

    private readonly OasisOptions _options;
    private readonly Device _device;
    private readonly Arena _memory;
    private readonly Perturbation<T> _epsilon;
    private readonly LayerFreeze<T> _freeze = new();
    private readonly OncePerStep<T> _choice = new();
    private readonly Linear<T> _along = new(), _product = new(WeightLayout.InOut);
    private readonly SquaredNorm<T> _squaredNorm = new();
    private View<T>[] _means = [];
    private int[] _chosen = [];

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public Oasis(OasisOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _device, _memory) = (options, device, new(device));
        _epsilon = new(options.Rho, PerturbationNorm.Batch, device);
    }

    /// <inheritdoc/>
    public string Name => "oasis";

    /// <inheritdoc/>
    public long StateBytes => _memory.InUse;

    /// <summary>The layers of the last step, ascending.</summary>
    public IReadOnlyList<int> Chosen => _chosen;

    /// <summary>dbar of each chosen layer, (1, C).</summary>
    public IReadOnlyList<View<T>> HarmfulDirections => _means;

    /// <summary>The perturbation of the last step. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon => _epsilon;

    /// <inheritdoc/>
    public void Survey(IObjective<T> objective, StepBatches batches, TrainState<T> state)
    {
        if (_choice.IsNew(state))
            state.Together(() => Choose(objective, state));
    }

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        if (_choice.IsNew(state))
            Choose(objective, state);
        var record =
            new Record<T>([SiteKind.AttentionOutput], site => _chosen.Contains(site.Layer)) { ForGradients = true };
        var (clean, gradients) = SitePass.Ascend(state, objective, batch, record);
        _epsilon.Fill(record, gradients, batch);
        state.Tape.Clear();
        ProjectOut(state.Tape);
        int second = _options.Dropout.Pass(1);
        double moved = SitePass.Descend(state, objective, batch, new Shift<T>(_epsilon), scale, second);
        if (_options.Variant == Variant.AsReleased)
            ClearOthers(state);
        return new(moved, clean, _epsilon.GradientNorm, _epsilon.Norm);
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state)
    {
        _chosen = state.Part("chosen", _chosen);
        int columns = state.Part("columns", _means.Length == 0 ? 0 : _means[0].Shape.Columns);
        if (state.IsRead)
        {
            _memory.Rewind();
            _means = [.. _chosen.Select(_ => _memory.Allocate<T>(Shape.Vector(columns)))];
        }

        for (int i = 0; i < _means.Length; i++)
            state.Part($"mean.{i}", _means[i]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _epsilon.Dispose();
        _memory.Dispose();
    }

    private void Choose(IObjective<T> objective, TrainState<T> state)
    {
        if (_chosen.Length == 0 || (state.Step - 1) % _options.ProbeEvery == 0)
            Probe(objective, state);
        if (_options.Variant == Variant.Paper)
            _freeze.HoldOthers(state, _chosen);
    }

    private void Probe(IObjective<T> objective, TrainState<T> state)
    {
        var tape = state.Tape;
        var batch = state.Next(StreamName.Harmful);
        var record = new Record<T>(SiteKind.AttentionOutput) { ForGradients = true };
        var (_, gradients) = SitePass.Ascend(state, objective, batch, record, pass: DropoutMasks.OtherBatch);
        View<T>[] harmful = new View<T>[record.Sites.Count];
        for (int i = 0; i < harmful.Length; i++)
            harmful[i] = gradients[record.Hidden[i]];
        _chosen = LayerChoice.Top([.. harmful.Select(d => _device.Run(_squaredNorm, d))], _options.Layers);

        _memory.Rewind();
        _means = [.. _chosen.Select(layer => _memory.Allocate<T>(Shape.Vector(harmful[layer].Columns)))];
        var share = tape.Zeros(Shape.Vector(batch.Rows));
        _device.Fill(share.Value, T.CreateChecked(1.0 / batch.Rows));
        for (int i = 0; i < _means.Length; i++)                         // (1, N) (N, C): the mean over the rows
            _device.Copy(tape.Apply(_product, [share, tape.Constant(harmful[_chosen[i]])]).Value, _means[i]);
        tape.Clear();
    }

    private void ProjectOut(Tape<T> tape)
    {
        for (int i = 0; i < _means.Length; i++)
        {
            var direction = tape.Constant(_means[i]);
            // (N, C) (1, C)': (N, 1)
            var along = tape.Apply(_along, [tape.Constant(_epsilon.Epsilon[i]), direction]);
            var part = tape.Apply(_product, [along, direction]);                                        // (N, 1) (1, C): (N, C)
            double squared = _device.Run(_squaredNorm, _means[i]);
            _device.Run(new AddScaled<T>(-1 / (squared + Guard)), part.Value, _epsilon.Epsilon[i]);
        }

        tape.Clear();
        _epsilon.Measure();
    }

    private void ClearOthers(TrainState<T> state)
    {
        foreach (var parameter in state.Trainable)
            if (BlockNumber.Of(parameter.Name) is { } layer && !_chosen.Contains(layer))
                _device.Clear(parameter.Gradient);
    }
}
