using System.Numerics;
using System.Text.Json.Serialization;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Training;

/// <summary>How the share of perturbed steps changes over the stage.</summary>
[JsonConverter(typeof(SnakeCase<VaaSchedule>))]
public enum VaaSchedule
{
    /// <summary>From 0 to lambda in a straight line.</summary>
    Linear,

    /// <summary>Lambda throughout.</summary>
    Constant,
}

/// <summary>The settings of vulnerability-aware alignment; the defaults are those of its scripts.</summary>
/// <param name="Rho">Radius of the L2 ball around the trained parameters, at least 0.</param>
/// <param name="Lambda">The share of the steps that are perturbed, from 0 to 1.</param>
/// <param name="Schedule">How that share changes over the stage.</param>
/// <param name="Probability">The probability of the vulnerable group at the beginning, from 0.1 to 0.9.</param>
/// <param name="ProbabilityRate">How fast the probability follows the losses, at least 0.</param>
/// <param name="Dropout">Whether the two passes of a perturbed step share their dropout masks.</param>
public sealed record VaaOptions(
    double Rho = 0.4, double Lambda = 1, VaaSchedule Schedule = VaaSchedule.Linear, double Probability = 0.5,
    double ProbabilityRate = 0.007, PassDropout Dropout = PassDropout.Shared) : RuleOptions
{
    /// <inheritdoc/>
    public override string Label() => string.Concat(
        $"VAA, rho = {NumberText.Of(Rho)}, lambda = {NumberText.Of(Lambda)}",
        Schedule == VaaSchedule.Linear ? "" : " constant",
        $", p = {NumberText.Of(Probability)}, rate {NumberText.Of(ProbabilityRate)}",
        Dropout.Variation());

    /// <inheritdoc/>
    public override PassCount Passes()
    {
        double passes = 1 + (Schedule == VaaSchedule.Linear ? Lambda / 2 : Lambda);
        return new(passes, passes);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Streams() => [StreamName.Vulnerable];

    /// <inheritdoc/>
    [JsonIgnore]
    public override string? Undivided => "the loss of each micro-batch decides which group the next one is drawn from";

    /// <inheritdoc/>
    public override IGradientRule<T> Make<T>(Device device) => new Vaa<T>(this, device);

    /// <inheritdoc/>
    public override void Validate(string path)
    {
        RequireFinite(Rho, $"{path}.rho", "rho is not a radius");
        if (Lambda is not (>= 0 and <= 1))
            throw new InputException(
                "lambda is not a share of the steps", $"{path}.lambda", NumberText.Of(Lambda), "from 0 to 1");
        if (Probability is not (>= VaaGroups.Least and <= VaaGroups.Most))
            throw new InputException(
                "that is not the probability of a group", $"{path}.probability", NumberText.Of(Probability),
                "from 0.1 to 0.9");
        RequireFinite(ProbabilityRate, $"{path}.probability_rate", "that is not a rate");
    }
}

/// <summary>
/// Vulnerability-aware alignment: of two groups of alignment data, the one that is learnt worse is drawn more often,
/// and more and more steps are SAM's. The vulnerable group, which harmful fine-tuning makes a model forget first, is
/// the stream of this name; the other is the stage's own data. 1 + lambda / 2 forward and reverse passes on average (1
/// + lambda if constant), and two copies of what is trained.
/// <code>
/// group        vulnerable with probability p, else the batch of the stage
/// perturbed    with probability lambda_t = lambda t / T:  eps = rho g / (||g|| + 1e-7), gradient at w + eps;  else
/// plain vulnerable   p &lt;- p e^(r f / p) / (p e^(r f / p) + 1 - p);         f the loss whose gradient was taken
/// other        p &lt;- p / (p + (1 - p) e^(r f / (1 - p)));            then p is cut to [0.1, 0.9]
/// </code>
/// Source: Chen et al., "Vulnerability-aware alignment", ICML 2025; ChanLiang/VAA, trainer.py (DROSamplingTrainer),
/// whose lambda_t counts epochs with their fraction. A batch of the stage that the other group replaces is not trained
/// on.
/// </summary>
public sealed class Vaa<T> : IGradientRule<T>, IKeepsState<T>, IDisposable where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>Prevents NaN if the gradient is zero.</summary>
    public const double Guard = 1e-7;

    private readonly VaaOptions _options;
    private readonly Plain<T> _plain = new();
    private readonly Sam<T> _sam;

    /// <summary>Prepares the rule on a device.</summary>
    /// <exception cref="InputException">A setting is out of its range.</exception>
    public Vaa(VaaOptions options, Device device)
    {
        options.Validate("rule");
        (_options, _sam) = (options, new(new(options.Rho, options.Dropout), Guard, device));
        Probability = options.Probability;
    }

    /// <inheritdoc/>
    public string Name => "vaa";

    /// <inheritdoc/>
    public string? Undivided => _options.Undivided;

    /// <inheritdoc/>
    public long StateBytes => _sam.StateBytes;

    /// <summary>p, the probability of the vulnerable group in the next step.</summary>
    public double Probability { get; private set; }

    /// <inheritdoc/>
    public RuleReport Accumulate(IObjective<T> objective, PackedBatch batch, TrainState<T> state, double scale = 1)
    {
        bool vulnerable = state.Draws("group").Uniform(state.MicroBatch) < Probability;
        if (vulnerable)
            batch = state.Next(StreamName.Vulnerable);
        else
            state.Require(StreamName.Vulnerable);
        bool perturbed = state.Draws("perturbed").Uniform(state.MicroBatch) > 1 - Share(state);
        IGradientRule<T> rule = perturbed ? _sam : _plain;
        var report = rule.Accumulate(objective, batch, state, scale);
        Probability = VaaGroups.Next(Probability, report.Loss, vulnerable, _options.ProbabilityRate);
        return report;
    }

    /// <inheritdoc/>
    public void Exchange(KeptState<T> state) => Probability = state.Part("probability", Probability);

    /// <inheritdoc/>
    public void Dispose() => _sam.Dispose();

    private double Share(TrainState<T> state) => _options.Schedule == VaaSchedule.Linear && state.PlannedSteps > 0
        ? _options.Lambda * (state.Step - 1) / state.PlannedSteps
        : _options.Lambda;
}

/// <summary>The adversary of vulnerability-aware alignment, which chooses between the two groups.</summary>
public static class VaaGroups
{
    /// <summary>The bounds of p.</summary>
    public const double Least = 0.1, Most = 0.9;

    /// <summary>
    /// The probability of the vulnerable group after a step: exponentiated gradient ascent on the group's loss.
    /// </summary>
    /// <param name="p">The probability before.</param>
    /// <param name="loss">The loss of the step.</param>
    /// <param name="vulnerable">Whether it was that of the vulnerable group.</param>
    /// <param name="rate">The rate of the ascent.</param>
    public static double Next(double p, double loss, bool vulnerable, double rate)
    {
        // odds times e^(rate loss / p), or divided by e^(rate loss / (1 - p)): no overflow where the loss is large
        double logOdds = Math.Log(p / (1 - p)) + (vulnerable ? rate * loss / p : -rate * loss / (1 - p));
        return Math.Clamp(1 / (1 + Math.Exp(-logOdds)), Least, Most);
    }
}
