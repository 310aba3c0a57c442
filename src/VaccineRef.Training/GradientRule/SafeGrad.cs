using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of SafeGrad.</summary>
/// <param name="Rho">The weight of the alignment's gradient, at least 0; at 0 only conflicts are taken out.</param>
public sealed record SafeGradOptions(double Rho) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => $"SafeGrad, rho = {NumberText.Of(Rho)}";

    /// <inheritdoc/>
    public override PassCount Passes() => new(2, 2);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Alignment];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new SafeGrad<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path) => RequireFinite(Rho, $"{path}.rho", "rho is no weight");
}

/// <summary>
/// Gradient surgery in the fine-tuning: where the user's gradient and the alignment's point apart, the user's loses its
/// part along the other.
/// <code>
/// u = df/dw on the stage's batch;   a = gradient of the alignment's loss on the stream "alignment"
/// u &lt;- u - (u . a / ||a||^2) a   where u . a &lt; 0
/// g = u + rho a
/// </code>
/// The alignment's loss is <see cref="IObjective{T}.Aligning"/>: with the objective "aligned_kl" the divergence from
/// the model as the stage began, as the paper proposes; with cross-entropy the plain loss, its ablation. Two forward
/// and two reverse passes (one more forward with aligned_kl), and two copies of what is trained. Source: Yi et al.,
/// "Gradient surgery for safe LLM fine-tuning", arXiv 2508.07172; no code is released.
/// </summary>
public sealed class SafeGrad<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly SafeGradOptions _options;
    private readonly ParameterVector<T> _user, _alignment;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">rho is negative or not finite.</exception>
    public SafeGrad(SafeGradOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _user, _alignment) = (options, new(device), new(device));
    }

    /// <inheritdoc/>
    public string Name => "safe_grad";

    /// <inheritdoc/>
    public long StateBytes => _user.Bytes + _alignment.Bytes;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        var aligning = state.Next(StreamName.Alignment);
        double loss = state.Gradient(objective, batch, state.Pass(new NoTap<T>()), _user);
        state.Gradient(objective.Aligning, aligning, state.Pass(new NoTap<T>(), DropoutMasks.OtherBatch), _alignment);
        double product = _user.Dot(_alignment), squared = _alignment.SquaredNorm(),
            length = Math.Sqrt(_user.SquaredNorm() * squared);
        _user.AddToGradients(scale);
        _alignment.AddToGradients(scale * (_options.Rho - (product < 0 && squared > 0 ? product / squared : 0)));
        return new(loss)
        {
            Scalars = new Dictionary<string, double> { ["alignment_cosine"] = length > 0 ? product / length : 0 },
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _user.Dispose();
        _alignment.Dispose();
    }
}
