using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of T-Vaccine; the defaults are those of its scripts, for a model of 32 layers.</summary>
/// <param name="Rho">Radius of the L2 ball over the chosen layers, at least 0.</param>
/// <param name="Layers">How many layers are chosen, S.</param>
/// <param name="ResampleEvery">Steps between two choices, J.</param>
/// <param name="ProbeEvery">Steps between two looks at the harmful data, K.</param>
/// <param name="Variant">What is held outside of the chosen layers.</param>
/// <param name="Dropout">Whether the two passes share their dropout masks.</param>
/// <param name="Recompute">
/// Whether the layers that are not chosen are computed again in the reverse pass instead of kept: less memory, more
/// time, the same bits.
/// </param>
public sealed record TVaccineOptions(
    double Rho = 3, int Layers = 8, int ResampleEvery = 20, int ProbeEvery = 200, Variant Variant = Variant.Paper,
    PassDropout Dropout = PassDropout.Shared, bool Recompute = true) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"T-Vaccine, rho = {NumberText.Of(Rho)}, S = {Layers}, J = {ResampleEvery}, K = {ProbeEvery}",
        Variant == Variant.AsReleased ? ", as released" : "", Dropout.Variation(),
        Recompute ? "" : ", all kept");

    /// <inheritdoc/>
    public override PassCount Passes() => new(2 + (1.0 / ProbeEvery), 2 + (1.0 / ProbeEvery));

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new TVaccine<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
        RequireCount(Layers, $"{path}.layers", "there is no such number of layers");
        RequireCount(ResampleEvery, $"{path}.resample_every", "that is not a number of steps");
        RequireCount(ProbeEvery, $"{path}.probe_every", "that is not a number of steps");
    }
}

/// <summary>
/// Vaccine on a few layers, drawn by how much harmful data moves them, with the other layers held. A step needs two
/// forward passes, one reverse pass to the chosen sites and one to the parameters; every K-th step has one more of
/// each.
/// <code>
/// every K steps   s_l = || dh/de_l || on one batch h of harmful data,  p_l = s_l / sum s
/// every J steps   A = S layers, drawn without replacement by p
/// every step      eps_l = rho g_l / (|| g_A || + 1e-7) for l in A;  w_A &lt;- AdamW( d/dw f with e_l := f_l(.) + eps_l
/// )
/// </code>
/// The parameters of the layers outside of A form no gradient and stay as they are, with their moments; what belongs to
/// no layer is trained. As in the release, the activations of the other layers are computed again instead of kept.
/// Source: arXiv 2410.09760, Algorithm 1; Lslland/T-Vaccine, trainer.py. As released, only the attention of the other
/// layers is held and their MLP is trained, and an adapter gets no gradient below the first chosen layer (the layer
/// below that one if there are more than 26), because a reentrant checkpoint passes none where its input needs none.
/// </summary>
public sealed class TVaccine<T> : IGradientRule<T>, IKeepsState<T>, IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly TVaccineOptions _options;
    private readonly Vaccine<T> _vaccine;
    private readonly LayerFreeze<T> _freeze = new();
    private readonly OncePerStep<T> _choice = new();
    private double[] _scores = [];
    private int[] _chosen = [];

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public TVaccine(TVaccineOptions options, Device device)
    {
        options.Validate("rule");
        _options = options;
        _vaccine = new(new(options.Rho, PerturbationNorm.Batch, options.Dropout), device) { Where = site => _chosen.Contains(site.Layer) };
    }

    /// <inheritdoc/>
    public string Name => "t_vaccine";

    /// <summary>The probability p of each layer, by the last look at the harmful data.</summary>
    public IReadOnlyList<double> Probabilities => _scores.Sum() is > 0 and var sum
        ? [.. _scores.Select(score => score / sum)]
        : [.. _scores.Select(_ => 1.0 / _scores.Length)];

    /// <summary>The layers of the last step, ascending.</summary>
    public IReadOnlyList<int> Chosen => _chosen;

    /// <summary>The perturbation of the last step. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon => _vaccine.Epsilon;

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
        return Recomputing(
            state, segment => !_chosen.Contains(segment - 1),
            () => _vaccine.Accumulate(objective, batch, state, scale));
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state) =>
        (_scores, _chosen) = (state.Part("scores", _scores), state.Part("chosen", _chosen));

    /// <inheritdoc/>
    public void Dispose() => _vaccine.Dispose();

    private TResult Recomputing<TResult>(TrainState<T> state, Func<int, bool> segments, Func<TResult> action)
    {
        state.Tape.RecomputeSegment = _options.Recompute ? segments : null;
        try
        {
            return action();
        }
        finally
        {
            state.Tape.RecomputeSegment = null;
        }
    }

    private void Choose(IObjective<T> objective, TrainState<T> state)
    {
        bool unknown = _scores.Length == 0;
        if (unknown || (state.Step - 1) % _options.ProbeEvery == 0)
            _scores = Recomputing(
                state, _ => true, () => HarmfulProbe.SiteNorms(objective, state, DropoutMasks.OtherBatch));
        if (unknown || (state.Step - 1) % _options.ResampleEvery == 0)
            _chosen = LayerChoice.Sample(_scores, _options.Layers, state.Draws("layers"));
        if (_options.Variant == Variant.AsReleased)
            _freeze.HoldAsReleased(state, _chosen, _scores.Length);
        else
            _freeze.HoldOthers(state, _chosen);
    }
}

/// <summary>How much harmful data moves each layer.</summary>
internal static class HarmfulProbe
{
    /// <summary>|| dh/de_l || of each layer's attention output, on the next batch of harmful data.</summary>
    public static double[] SiteNorms<T>(IObjective<T> objective, TrainState<T> state, int pass)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        var record = new Record<T>(SiteKind.AttentionOutput) { ForGradients = true };
        var (_, gradients) = SitePass.Ascend(state, objective, state.Next(StreamName.Harmful), record, pass: pass);
        var norm = new Kernels.SquaredNorm<T>();
        double[] norms = new double[record.Sites.Count];
        for (int i = 0; i < norms.Length; i++)
            norms[i] = Math.Sqrt(state.Tape.Device.Run(norm, gradients[record.Hidden[i]]));
        state.Tape.Clear();
        return norms;
    }
}
