using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of Vaccine on layers that are drawn by chance alone.</summary>
/// <param name="Rho">Radius of the L2 ball over the chosen layers, at least 0.</param>
/// <param name="Layers">How many layers are chosen.</param>
/// <param name="ResampleEvery">Steps between two choices.</param>
/// <param name="Freeze">Whether the parameters of the other layers are held.</param>
/// <param name="Dropout">Whether the two passes share their dropout masks.</param>
public sealed record RandomLayersOptions(
    double Rho, int Layers, int ResampleEvery = 20, bool Freeze = true,
    PassDropout Dropout = PassDropout.Shared) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"Vaccine on random layers, rho = {NumberText.Of(Rho)}, S = {Layers}, J = {ResampleEvery}",
        Freeze ? "" : ", none frozen",
        Dropout.Variation());

    /// <inheritdoc/>
    public override PassCount Passes() => new(2, 2);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new RandomLayers<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
        RequireCount(Layers, $"{path}.layers", "there is no such number of layers");
        RequireCount(ResampleEvery, $"{path}.resample_every", "that is not a number of steps");
    }
}

/// <summary>
/// T-Vaccine without its look at harmful data: A = S layers with equal probabilities, drawn anew every J steps, and
/// Vaccine on them with the other layers held. The control for what the probabilities do; no paper has it. Two forward
/// and two reverse passes; the first step has one more forward pass, which finds out how many layers there are. With as
/// many layers as the model has it is Vaccine.
/// </summary>
public sealed class RandomLayers<T> : IGradientRule<T>, IKeepsState<T>, IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly RandomLayersOptions _options;
    private readonly Vaccine<T> _vaccine;
    private readonly LayerFreeze<T> _freeze = new();
    private readonly OncePerStep<T> _choice = new();
    private double[] _equal = [];
    private int[] _chosen = [];

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public RandomLayers(RandomLayersOptions options, Device device)
    {
        options.Validate("rule");
        _options = options;
        _vaccine = new(new(options.Rho, PerturbationNorm.Batch, options.Dropout), device) { Where = site => _chosen.Contains(site.Layer) };
    }

    /// <inheritdoc/>
    public string Name => "random_layers";

    /// <summary>The layers of the last step, ascending.</summary>
    public IReadOnlyList<int> Chosen => _chosen;

    /// <summary>The perturbation of the last step. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon => _vaccine.Epsilon;

    /// <inheritdoc/>
    public void Survey(IObjective<T> objective, StepBatches batches, TrainState<T> state)
    {
        if (_choice.IsNew(state))
            state.Together(() => Choose(objective, batches.All[0], state));
    }

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        if (_choice.IsNew(state))
            Choose(objective, batch, state);
        return _vaccine.Accumulate(objective, batch, state, scale);
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state) =>
        (_equal, _chosen) = (state.Part("equal", _equal), state.Part("chosen", _chosen));

    /// <inheritdoc/>
    public void Dispose() => _vaccine.Dispose();

    private void Choose(IObjective<T> objective, PackedBatch batch, TrainState<T> state)
    {
        bool unknown = _equal.Length == 0;
        if (unknown)
        {
            var record = new Record<T>(SiteKind.AttentionOutput) { ForGradients = true };
            state.Loss(objective, batch, state.Pass(record), out _);
            state.Tape.Clear();
            _equal = [.. record.Sites.Select(_ => 1.0)];
        }

        if (unknown || (state.Step - 1) % _options.ResampleEvery == 0)
            _chosen = LayerChoice.Sample(_equal, _options.Layers, state.Draws("layers"));
        if (_options.Freeze)
            _freeze.HoldOthers(state, _chosen);
    }
}
