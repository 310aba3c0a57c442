using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The two forms in which adaptive SAM is published.</summary>
[JsonConverter(typeof(SnakeCase<AsamForm>))]
public enum AsamForm
{
    /// <summary>
    /// The authors': T = |w| + eta for parameters with "weight" in their name, 1 for others; SamsungLabs/ASAM, asam.py.
    /// </summary>
    Original,

    /// <summary>That of davda54/sam, sam.py with adaptive=True: T = |w| for every parameter, without eta.</summary>
    Davda54,
}

/// <summary>The settings of adaptive SAM.</summary>
/// <param name="Rho">Radius of the ball || eps / T ||, at least 0.</param>
/// <param name="Form">Which of the two published forms.</param>
/// <param name="Eta">Added to |w|, in the original form alone; 0.01 there unless said otherwise.</param>
/// <param name="Dropout">Whether the two passes share their dropout masks.</param>
public sealed record AsamOptions(
    double Rho = 0.5, AsamForm Form = AsamForm.Original, double? Eta = null,
    PassDropout Dropout = PassDropout.Shared) : RuleOptions
{
    private const double DefaultEta = 0.01;

    /// <summary>What is added to |w|.</summary>
    internal double Offset => Form == AsamForm.Original ? Eta ?? DefaultEta : 0;

    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"ASAM, rho = {NumberText.Of(Rho)}", Form == AsamForm.Original ? "" : ", davda54",
        Eta is { } eta ? $", eta = {NumberText.Of(eta)}" : "", Dropout.Variation());

    /// <inheritdoc/>
    public override PassCount Passes() => new(2, 2);

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Asam<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
        if (Eta is not { } eta)
            return;
        if (Form != AsamForm.Original)
            throw new InputException(
                "this form of ASAM has no eta", $"{path}.eta", NumberText.Of(eta), "no eta",
                "leave it out, or choose the form original");
        RequireFinite(eta, $"{path}.eta", "eta is not a length");
    }
}

/// <summary>
/// Adaptive sharpness-aware minimisation: SAM over a ball that is measured in shares of the weights. Two forward and
/// two reverse passes, and two copies of what is trained.
/// <code>
/// eps = rho T^2 g / (|| T g || + guard),  element by element, one norm over all trained parameters
/// g   = d/dw f at w + eps
/// original   T = |w| + eta where "weight" is in the name, else 1;  guard 1e-16
/// davda54    T = |w|;  guard 1e-12
/// </code>
/// In the form davda54 a number that is 0 does not move: of a fresh adapter, B. The original adds eps and subtracts it
/// again; here the weights are copied, so that they come back bit for bit. Source: Kwon et al., arXiv 2102.11600.
/// </summary>
public sealed class Asam<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const double OriginalGuard = 1e-16, DavdaGuard = 1e-12;

    private readonly AsamOptions _options;
    private readonly ParameterVector<T> _epsilon;
    private readonly WeightBall<T> _ball;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public Asam(AsamOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _epsilon, _ball) = (options, new(device), new(device));
    }

    /// <inheritdoc/>
    public string Name => "asam";

    /// <inheritdoc/>
    public long StateBytes => _epsilon.Bytes + _ball.Bytes;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        double clean = state.Gradient(objective, batch, state.Pass(new NoTap<T>()), _epsilon);
        MultiplyByT(state);                                                             // T g
        double guard = _options.Form == AsamForm.Original ? OriginalGuard : DavdaGuard;
        double factor = _options.Rho / (Math.Sqrt(_epsilon.SquaredNorm()) + guard);
        MultiplyByT(state);                                                             // T^2 g
        int second = _options.Dropout.Pass(1);
        double moved = _ball.At(
            factor, _epsilon, () => state.Descend(objective, batch, state.Pass(new NoTap<T>(), second), scale));
        return new(moved, clean, WeightShift: factor * Math.Sqrt(_epsilon.SquaredNorm()));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _epsilon.Dispose();
        _ball.Dispose();
    }

    private void MultiplyByT(TrainState<T> state)
    {
        foreach (var parameter in state.Trainable)
            if (_options.Form == AsamForm.Davda54 || parameter.Name.Contains("weight", StringComparison.Ordinal))
                _epsilon.MultiplyByWeights(parameter, _options.Offset);
    }
}
