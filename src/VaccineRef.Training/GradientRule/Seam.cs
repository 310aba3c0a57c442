using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of SEAM; the defaults are those of its release.</summary>
/// <param name="Alpha">The weight of the loss on the stage's data, at least 0.</param>
/// <param name="Beta">
/// The weight of the cosine between the harmful and the benign gradient, at least 0; at 0 it is left out.
/// </param>
/// <param name="Epsilon">The length by which the weights are moved to differentiate the cosine, above 0.</param>
/// <param name="Unlearning">The weight of the ascent on harmful data, 1 in the release; at 0 it is left out.</param>
/// <param name="Dropout">Whether the two passes on a batch share their dropout masks.</param>
public sealed record SeamOptions(
    double Alpha = 1, double Beta = 0.01, double Epsilon = 1e-3, double Unlearning = 1,
    PassDropout Dropout = PassDropout.Shared) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"SEAM, alpha = {NumberText.Of(Alpha)}, beta = {NumberText.Of(Beta)}",
        Epsilon == 1e-3 ? "" : $", epsilon = {NumberText.Of(Epsilon)}",
        Unlearning == 1 ? "" : $", unlearning {NumberText.Of(Unlearning)}", Dropout.Variation());

    /// <inheritdoc/>
    public override PassCount Passes()
    {
        int passes = 1 + (Unlearning > 0 ? 1 : 0) + (Beta > 0 ? 4 : 0);
        return new(passes, passes);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful, StreamName.Task];

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Seam<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Alpha, $"{path}.alpha", "alpha is no weight");
        RequireFinite(Beta, $"{path}.beta", "beta is no weight");
        RequireFinite(Unlearning, $"{path}.unlearning", "that is no weight");
        if (Epsilon is not (> 0 and < double.PositiveInfinity))
            throw new InputException(
                "epsilon is no length", $"{path}.epsilon", NumberText.Of(Epsilon), "a finite number above 0");
    }
}

/// <summary>
/// Self-destruction: turns the gradient of harmful fine-tuning against that of benign fine-tuning, so that the one
/// undoes what the other needs, and unlearns the harmful data.
/// <code>
/// a = dh/dw on harmful data, b = db/dw on the task's;   a', b' their directions;   c = a' . b'
/// g = alpha df/dw + unlearning d/dw (-log(S + 1))
///   + (beta / epsilon) ((a(w + epsilon (b' - c a')) - a) / ||a|| + (b(w + epsilon (a' - c b')) - b) / ||b||)
/// </code>
/// The last line is beta dc/dw, its second derivatives by differences. S is the mean loss of the layers on the harmful
/// batch (<see cref="IObjective{T}.Layerwise"/>). Six forward and six reverse passes, and three copies of what is
/// trained; the weights come back bit for bit. Where a or b is zero there is no c. Source: Wang et al.,
/// "Self-destructive language model", arXiv 2505.12186; ZJUWYH/seam, src/core/trainer.py. The release counts only the
/// tokens in which a harmful row differs from its harmless partner; here all counted tokens count.
/// </summary>
public sealed class Seam<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    private const int TaskBatch = DropoutMasks.OtherBatch + 2;

    private readonly SeamOptions _options;
    private readonly ParameterVector<T> _harmful, _benign;
    private readonly WeightBall<T> _ball;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public Seam(SeamOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _harmful, _benign, _ball) = (options, new(device), new(device), new(device));
    }

    /// <inheritdoc/>
    public string Name => "seam";

    /// <inheritdoc/>
    public long StateBytes => _harmful.Bytes + _benign.Bytes + _ball.Bytes;

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        PackedBatch harmful = state.Next(StreamName.Harmful), benign = state.Next(StreamName.Task);
        double loss = state.Descend(objective, batch, Pass(state, 0), _options.Alpha * scale);
        if (_options.Unlearning > 0)
            Unlearn(objective.Layerwise, harmful, state, _options.Unlearning * scale);
        return _options.Beta > 0
            ? new(loss) { Scalars = new Dictionary<string, double> { ["gradient_cosine"] = Turn(objective, harmful, benign, state, scale) } }
            : new(loss);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _harmful.Dispose();
        _benign.Dispose();
        _ball.Dispose();
    }

    /// <summary>-log(S + 1) has the gradient of S times -1 / (S + 1).</summary>
    private static void Unlearn(IObjective<T> layers, PackedBatch harmful, TrainState<T> state, double weight)
    {
        double sum = state.Loss(layers, harmful, Pass(state, DropoutMasks.OtherBatch), out var loss);
        state.Tape.BackwardToParameters(
            loss, -weight / (sum + 1), parameter => state.IsHeld(parameter) ? default : parameter.Gradient);
        state.Tape.Clear();
    }

    /// <summary>Adds beta dc/dw.</summary>
    /// <returns>c.</returns>
    private double Turn(
        IObjective<T> objective, PackedBatch harmful, PackedBatch benign, TrainState<T> state, double scale)
    {
        state.Gradient(objective, harmful, Pass(state, DropoutMasks.OtherBatch), _harmful);
        state.Gradient(objective, benign, Pass(state, TaskBatch), _benign);
        double a = Math.Sqrt(_harmful.SquaredNorm()), b = Math.Sqrt(_benign.SquaredNorm());
        if (a == 0 || b == 0)
            return 0;
        double cosine = _harmful.Dot(_benign) / (a * b), weight = _options.Beta / _options.Epsilon * scale;
        int again = _options.Dropout.Pass(1);
        Differ(_harmful, a, _benign, b, harmful, DropoutMasks.OtherBatch + again);
        Differ(_benign, b, _harmful, a, benign, TaskBatch + again);
        return cosine;

        void Differ(
            ParameterVector<T> own, double norm, ParameterVector<T> other, double otherNorm, PackedBatch data, int pass)
        {
            _ball.At(
                [(_options.Epsilon / otherNorm, other), (-_options.Epsilon * cosine / norm, own)],
                () => state.Descend(objective, data, Pass(state, pass), weight / norm));
            own.AddToGradients(-weight / norm);
        }
    }

    private static Pass<T> Pass(TrainState<T> state, int pass) => state.Pass(new NoTap<T>(), pass);
}
