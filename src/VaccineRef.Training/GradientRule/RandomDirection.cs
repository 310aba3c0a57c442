using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>
/// e_l + eps_l with eps = rho z / ||z||, z ~ N(0, I) drawn afresh in every step: as long as Vaccine's perturbation, over
/// the same sites and tokens, but in a random direction. What Vaccine does and this does not is due to the direction.
/// One forward, one reverse; the first step has one more forward, from which the shape of the sites is known.
/// </summary>
public sealed class RandomDirection<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly SiteKind[] _kinds;
    private readonly Perturbation<T> _epsilon;
    private IReadOnlyList<Site> _sites = [];
    private int _columns;

    /// <summary>Noise of this length at these sites; attention outputs unless said otherwise.</summary>
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

    /// <summary>The perturbation of the last step, until the next one.</summary>
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
