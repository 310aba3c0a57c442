using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of noise in a random direction.</summary>
/// <param name="Rho">The length of the noise, at least 0.</param>
/// <param name="Sites">Which hidden embeddings are moved; attention outputs unless said otherwise.</param>
/// <param name="Norm">What has this length together, as for Vaccine.</param>
public sealed record RandomDirectionOptions(
    double Rho, IReadOnlyList<SiteKind>? Sites = null, PerturbationNorm Norm = PerturbationNorm.World) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() =>
        $"random direction, rho = {NumberText.Of(Rho)}{new VaccineOptions(Rho, Norm, Sites: Sites).Variations()}";

    /// <inheritdoc/>
    public override PassCount Passes() => new(1, 1);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new RandomDirection<T>(Rho, device, Sites, Norm);

    /// <inheritdoc/>
    public override void Validate(string path) => RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
}

/// <summary>
/// A perturbation in a random direction: e_l + eps_l with eps = rho z / ||z||, where z ~ N(0, I) is drawn anew in every
/// step. It has the length of Vaccine's perturbation and the same sites and tokens, so that any difference in effect is
/// due to the direction. A step needs one forward pass and one reverse pass. The first step needs one more forward pass
/// to learn the shape of the sites.
/// </summary>
public sealed class RandomDirection<T> : IGradientRule<T>, IKeepsState<T>, IDisposable
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly SiteKind[] _kinds;
    private readonly Perturbation<T> _alone;
    private readonly SharedBall<T> _ball;
    private IReadOnlyList<Site> _sites = [];
    private int _columns;

    /// <summary>
    /// Chooses the length rho, the sites, which are the attention outputs by default, and what has the length together.
    /// </summary>
    /// <exception cref="InputException">rho is negative or not finite.</exception>
    public RandomDirection(
        double rho, Device device, IReadOnlyCollection<SiteKind>? sites = null,
        PerturbationNorm norm = PerturbationNorm.World)
    {
        if (rho is not (>= 0 and < double.PositiveInfinity))
            throw new InputException("rho is not a radius", "rho", $"{rho}", "a finite number, at least 0");
        _kinds = [.. sites ?? [SiteKind.AttentionOutput]];
        (_alone, _ball) = (new(rho, norm, device), new(rho, norm, device));
        Epsilon = _alone;
    }

    /// <inheritdoc/>
    public string Name => "random_direction";

    /// <inheritdoc/>
    public long StateBytes => _ball.SpareBytes;

    /// <summary>The perturbation of the last micro-batch. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon { get; private set; }

    /// <inheritdoc/>
    public void Survey(IObjective<T> objective, StepBatches batches, TrainState<T> state)
    {
        if (_sites.Count == 0)
            state.Together(() => Learn(objective, batches.All[0], state));
        if (!_ball.IsShared)
            return;
        _ball.Begin(batches, state);
        _ball.Fill(
            i => _ball[i].Load(_sites, new Shape(batches.All[i].Rows, _columns), Direction(state)), weighted: false);
    }

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        if (_sites.Count == 0)
            Learn(objective, batch, state);
        bool shared = _ball.Has(state);
        Epsilon = shared ? _ball[state.MicroBatch] : _alone;
        if (!shared)
            _alone.Fill(_sites, new Shape(batch.Rows, _columns), batch, Direction(state));
        var shift = new Shift<T>(Epsilon);
        double loss = state.Descend(objective, batch, state.Pass(shift), scale);
        shift.RequireAllApplied();
        return new(loss, PerturbationNorm: shared ? _ball.Norm : Epsilon.Norm);
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state)
    {
        int[] layers = state.Part("layers", [.. _sites.Select(site => site.Layer)]);
        int[] kinds = state.Part("kinds", [.. _sites.Select(site => (int)site.Kind)]);
        _sites = [.. layers.Zip(kinds, (layer, kind) => new Site(layer, (SiteKind)kind))];
        _columns = state.Part("columns", _columns);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _alone.Dispose();
        _ball.Dispose();
    }

    private static RandomStream Direction(TrainState<T> state) => state.Pass(new NoTap<T>()).Random.At("direction");

    private void Learn(IObjective<T> objective, PackedBatch batch, TrainState<T> state)
    {
        var record = new Record<T>(_kinds) { ForGradients = true };
        state.Loss(objective, batch, state.Pass(record), out _);
        if (record.Sites.Count == 0)
            throw new InputException(
                "the model has none of the sites asked for", "sites", string.Join(", ", _kinds),
                "sites that the model has");
        (_sites, _columns) = ([.. record.Sites], record.Hidden[0].Shape.Columns);
        state.Tape.Clear();
    }
}
