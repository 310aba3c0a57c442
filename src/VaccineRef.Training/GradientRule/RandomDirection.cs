using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of noise in a random direction.</summary>
/// <param name="Rho">The length of the noise, at least 0.</param>
/// <param name="Sites">Which hidden embeddings are moved; attention outputs unless said otherwise.</param>
public sealed record RandomDirectionOptions(double Rho, IReadOnlyList<SiteKind>? Sites = null) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => $"random direction, rho = {NumberText.Of(Rho)}{SitesText.Of(Sites)}";

    /// <inheritdoc/>
    public override PassCount Passes() => new(1, 1);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new RandomDirection<T>(Rho, device, Sites);

    /// <inheritdoc/>
    public override void Validate(string path) => RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
}

/// <summary>
/// A perturbation in a random direction: e_l + eps_l with eps = rho z / ||z||, where z ~ N(0, I) is drawn anew in every step. It has
/// the length of Vaccine's perturbation and the same sites and tokens, so that any difference in effect is due to the direction. A
/// step needs one forward pass and one reverse pass. The first step needs one more forward pass to learn the shape of the sites.
/// </summary>
public sealed class RandomDirection<T> : IGradientRule<T>, IKeepsState<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly SiteKind[] _kinds;
    private readonly Perturbation<T> _epsilon;
    private IReadOnlyList<Site> _sites = [];
    private int _columns;

    /// <summary>Chooses the length rho and the sites, which are the attention outputs by default.</summary>
    /// <exception cref="InputException">rho is negative or not finite.</exception>
    public RandomDirection(double rho, Device device, IReadOnlyCollection<SiteKind>? sites = null)
    {
        if (rho is not (>= 0 and < double.PositiveInfinity))
            throw new InputException("rho is not a radius", "rho", $"{rho}", "a finite number, at least 0");
        _kinds = [.. sites ?? [SiteKind.AttentionOutput]];
        _epsilon = new Perturbation<T>(rho, PerturbationNorm.Batch, device);
    }

    /// <inheritdoc/>
    public string Name => "random_direction";

    /// <summary>The perturbation of the last step. The next step overwrites it.</summary>
    public Perturbation<T> Epsilon => _epsilon;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        if (_sites.Count == 0)
            Learn(objective, batch, state);
        var pass = state.Pass(new NoTap<T>());
        _epsilon.Fill(_sites, new Shape(batch.Rows, _columns), batch, pass.Random.At("direction"));
        var shift = new Shift<T>(_epsilon);
        double loss = state.Descend(objective, batch, pass with { Tap = shift }, scale);
        shift.RequireAllApplied();
        return new(loss, PerturbationNorm: _epsilon.Norm);
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
    public void Dispose() => _epsilon.Dispose();

    private void Learn(IObjective<T> objective, PackedBatch batch, TrainState<T> state)
    {
        var record = new Record<T>(_kinds) { ForGradients = true };
        state.Loss(objective, batch, state.Pass(record), out _);
        if (record.Sites.Count == 0)
            throw new InputException(
                "the model has none of the sites asked for", "sites", string.Join(", ", _kinds), "sites that the model has");
        (_sites, _columns) = ([.. record.Sites], record.Hidden[0].Shape.Columns);
        state.Tape.Clear();
    }
}
