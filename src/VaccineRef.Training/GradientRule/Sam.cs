using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of sharpness-aware minimisation.</summary>
/// <param name="Rho">Radius of the L2 ball around the trained parameters, at least 0.</param>
/// <param name="Dropout">Whether the two passes share their dropout masks.</param>
public sealed record SamOptions(double Rho = 0.05, PassDropout Dropout = PassDropout.Shared) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => $"SAM, rho = {NumberText.Of(Rho)}{Dropout.Variation()}";

    /// <inheritdoc/>
    public override PassCount Passes() => new(2, 2);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Sam<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path) => RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
}

/// <summary>
/// Sharpness-aware minimisation: the weights, not the embeddings, are moved to where the loss is worst. Two forward and
/// two reverse passes, and two copies of what is trained.
/// <code>
/// eps = rho g / (||g|| + 1e-12),  g = df/dw over all trained parameters together
/// g   = d/dw f at w + eps
/// </code>
/// Source: Foret et al., arXiv 2010.01412, Algorithm 1; the 1e-12 is that of davda54/sam, sam.py.
/// </summary>
public sealed class Sam<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Prevents NaN if the gradient is zero.</summary>
    public const double Guard = 1e-12;

    private readonly SamOptions _options;
    private readonly double _guard;
    private readonly ParameterVector<T> _gradient;
    private readonly WeightBall<T> _ball;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">rho is negative or not finite.</exception>
    public Sam(SamOptions options, Device device) : this(options, Guard, device)
    {
    }

    /// <summary>Prepares the step for a rule whose release has another guard.</summary>
    internal Sam(SamOptions options, double guard, Device device)
    {
        options.Validate("rule");
        (_options, _guard, _gradient, _ball) = (options, guard, new(device), new(device));
    }

    /// <inheritdoc/>
    public string Name => "sam";

    /// <inheritdoc/>
    public long StateBytes => _gradient.Bytes + _ball.Bytes;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        double clean = state.Gradient(objective, batch, state.Pass(new NoTap<T>()), _gradient);
        double norm = Math.Sqrt(_gradient.SquaredNorm()), factor = _options.Rho / (norm + _guard);
        int second = _options.Dropout.Pass(1);
        double moved = _ball.At(
            factor, _gradient, () => state.Descend(objective, batch, state.Pass(new NoTap<T>(), second), scale));
        return new(moved, clean, WeightShift: factor * norm);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gradient.Dispose();
        _ball.Dispose();
    }
}
