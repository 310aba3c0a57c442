using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>The settings of TAR; the defaults are those of the released script.</summary>
/// <param name="Weight">The weight of tamper resistance, at least 0; at 0 the rule is the plain one.</param>
/// <param name="Steps">Steps of the adversary in each step.</param>
/// <param name="Every">After how many of them resistance is looked at.</param>
/// <param name="Growth">How fast what is found later counts for more, at least 0.</param>
/// <param name="Rates">
/// The adversary's learning rates, of which each step draws one; 2e-6, 2e-5 and 4e-5 unless said otherwise.
/// </param>
public sealed record TarOptions(
    double Weight = 4, int Steps = 64, int Every = 4, double Growth = 0.0625,
    IReadOnlyList<double>? Rates = null) : RuleOptions
{
    /// <summary>The rates that are drawn from.</summary>
    internal IReadOnlyList<double> Drawn => Rates ?? [2e-6, 2e-5, 4e-5];

    /// <inheritdoc/>
    public override string Label() =>
        $"TAR, weight = {NumberText.Of(Weight)}, {Steps} steps of {string.Join(" or ", Drawn.Select(NumberText.Of))}";

    /// <inheritdoc/>
    public override PassCount Passes() =>
        Weight > 0 ? new(1 + Steps + (Steps / Every), 1 + Steps + (Steps / Every)) : new(1, 1);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Harmful];

    /// <inheritdoc/>
    [JsonIgnore]
    public override string? Undivided => "the adversary takes several batches of its stream for each micro-batch";

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Tar<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Weight, $"{path}.weight", "that is no weight");
        RequireCount(Steps, $"{path}.steps", "there is no such number of steps");
        RequireCount(Every, $"{path}.every", "there is no such number of steps");
        RequireFinite(Growth, $"{path}.growth", "that is no growth");
        if (Drawn.Count == 0 || Drawn.Any(rate => rate is not (>= 0 and < double.PositiveInfinity)))
            throw new InputException(
                "those are no learning rates", $"{path}.rates", $"[{string.Join(", ", Drawn.Select(NumberText.Of))}]",
                "finite numbers, at least 0, and one of them at least");
    }
}

/// <summary>
/// Tamper resistance: an adversary fine-tunes the model on harmful data for some steps, and the gradients of what
/// should hold on the way are added to the plain one at the weights where the adversary began. First order: no second
/// derivatives.
/// <code>
/// w_0 = w;   K times:  w_i+1 &lt;- AdamW(w_i, df/dw on the stream "harmful"),   its learning rate drawn from the rates
/// g = df/dw on the stage's batch + weight sum over i = every, 2 every .. K of e^(growth (i - K)) d/dw (-H) at w_i
/// </code>
/// H is the mean entropy of the next token over all tokens of one more batch of the stream
/// (<see cref="EntropyObjective{T}"/>): the adversary is to find a model that does not know. The adversary's AdamW has
/// torch's defaults and begins anew in each step. Five copies of what is trained. Source: Tamirisa et al., ICLR 2025,
/// arXiv 2408.00761, Algorithm 1; rishub-tamirisa/tamper-resistance, modules/training.py (0392cbb), without its option
/// to hold the hidden states of the stage's data, its random mapping before, and its adversaries that switch between
/// data sets.
/// </summary>
public sealed class Tar<T> : IGradientRule<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    // torch.optim.AdamW's defaults
    private const double Beta1 = 0.9, Beta2 = 0.999, AdamEpsilon = 1e-8, Decay = 0.01;

    private readonly TarOptions _options;
    private readonly Device _device;
    private readonly ParameterVector<T> _start, _gradient, _mean, _square, _resistance;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public Tar(TarOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _device) = (options, device);
        (_start, _gradient, _mean, _square, _resistance) =
            (new(device), new(device), new(device), new(device), new(device));
    }

    /// <inheritdoc/>
    public string Name => "tar";

    /// <inheritdoc/>
    public string? Undivided => _options.Undivided;

    /// <inheritdoc/>
    public long StateBytes => new[] { _start, _gradient, _mean, _square, _resistance }.Sum(vector => vector.Bytes);

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        state.Require(StreamName.Harmful);
        double loss = state.Descend(objective, batch, state.Pass(new NoTap<T>()), scale);
        if (_options.Weight == 0)
            return new(loss);
        double entropy = Resist(objective, state);
        _resistance.AddToGradients(_options.Weight * scale);
        return new(loss) { Scalars = new Dictionary<string, double> { ["attacked_entropy"] = entropy } };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var vector in (ParameterVector<T>[])[_start, _gradient, _mean, _square, _resistance])
            vector.Dispose();
    }

    /// <summary>Sums up the gradients of resistance on the adversary's way.</summary>
    /// <returns>The entropy where it was looked at last; 0 if it was nowhere.</returns>
    private double Resist(IObjective<T> objective, TrainState<T> state)
    {
        foreach (var vector in (ParameterVector<T>[])[_mean, _square, _resistance])
            vector.Clear(state.Trainable);
        _start.CopyValues(state.Trainable);
        var heldOut = state.Next(StreamName.Harmful);
        double rate = _options.Drawn[state.Draws("the adversary's rate").At(state.MicroBatch)
            .Below(_options.Drawn.Count, 0)], entropy = 0;
        try
        {
            for (int step = 1; step <= _options.Steps; step++)
            {
                state.Gradient(
                    objective, state.Next(StreamName.Harmful),
                    state.Pass(new NoTap<T>(), DropoutMasks.OtherBatch + step), _gradient);
                Move(state.Trainable, new(rate, Beta1, Beta2, AdamEpsilon, Decay, step));
                if (step % _options.Every != 0)
                    continue;
                entropy = -state.Gradient(
                    objective.Entropy, heldOut, state.Pass(new NoTap<T>(), DropoutMasks.OtherBatch), _gradient);
                var add = new AddScaled<T>(Math.Exp(_options.Growth * (step - _options.Steps)));
                foreach (var parameter in state.Trainable)
                    _device.Run(add, _gradient.Of(parameter), _resistance.Of(parameter));
            }
        }
        finally
        {
            _start.Restore();
        }

        return entropy;
    }

    private void Move(IReadOnlyList<Parameter<T>> parameters, AdamWStep<T> adam)
    {
        foreach (var parameter in parameters)
            _device.Run(adam, parameter.Value, _gradient.Of(parameter), _mean.Of(parameter), _square.Of(parameter));
    }
}
