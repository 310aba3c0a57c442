using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Training;

/// <summary>
/// Numbers that are none, and settings of every size: a step either computes finite numbers or stops before it changes
/// a weight.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)])]
public sealed class NonFiniteLaws
{
    private const int Steps = 3;

    private static readonly float[] Poisons = [float.NaN, float.PositiveInfinity, float.NegativeInfinity];

    /// <summary>
    /// One number of one weight. Where the step reads it, the step is not taken and the message says what is not finite
    /// first; where it does not, as in the row of a token that is not in the batch, everything else stays finite.
    /// </summary>
    [Property(MaxTest = 100)]
    public void A_weight_that_is_no_number_stops_the_first_step_or_is_not_read(
        TinyModel tiny, byte parameter, PositiveInt element, byte poison, bool vaccine)
    {
        using var run = new TinyRun<float>(tiny);
        var all = run.Network.Parameters.Concat(run.Model.Trainable).Distinct().ToArray();
        var victim = all[parameter % all.Length];
        victim.Value.Span[(int)(element.Get % victim.Shape.Count)] = Poisons[poison % Poisons.Length];
        double[] before = run.Weights;
        try
        {
            var report = Train(run, vaccine ? 0.5 : 0, new(0.01));
            Assert.True(double.IsFinite(report.LastLoss));
            Assert.InRange(run.Weights.Zip(before).Count(pair => !double.IsFinite(pair.First)), 0, 1);
        }
        catch (NonFiniteException error)
        {
            Assert.Equal(1, error.Step);
            Assert.NotEmpty(error.Batch);
            Assert.Equal(before, run.Weights);
        }
    }

    /// <summary>
    /// A gradient may be no number where the loss is one: the step is not taken, and the parameter is named.
    /// </summary>
    [Property(MaxTest = 20)]
    public void A_gradient_that_is_no_number_is_named_and_not_stepped_with(TinyModel tiny, byte parameter, byte poison)
    {
        using var run = new TinyRun<float>(tiny);
        var victim = run.Model.Trainable[parameter % run.Model.Trainable.Count];
        using var step = new TrainStep<float>(
            run.Model.Trainable, run.Objective, new Poisoning(victim, Poisons[poison % Poisons.Length]),
            new StepOptions(new AdamWOptions(0.01)), run.Device);
        double[] before = run.Weights;
        var error = Assert.Throws<NonFiniteException>(() => step.Run(run.Batch));
        Assert.Equal(("a gradient", victim.Name, 1L), (error.What, error.First, error.Step));
        Assert.Equal(before, run.Weights);
    }

    /// <summary>Learning rates, and radii, of 0 and from 1e-30 to 1e30.</summary>
    [Property(MaxTest = 100)]
    public void No_learning_rate_and_no_radius_leaves_weights_that_are_no_numbers(
        TinyModel tiny, byte rate, byte rho, bool clip)
    {
        static double Size(byte size) => size % 31 == 0 ? 0 : Math.Pow(10, ((size % 31) - 15) * 2);
        using var run = new TinyRun<float>(tiny);
        long reached = 0;
        try
        {
            Train(run, Size(rho), new(Size(rate), MaxGradientNorm: clip ? 1 : 0), step => reached = step.Step);
            Assert.Equal(Steps, reached);
        }
        catch (NonFiniteException error)
        {
            Assert.Equal(reached + 1, error.Step);
            Assert.Contains("remedy:    a smaller learning rate or rho", error.Message, StringComparison.Ordinal);
        }

        Assert.All(run.Weights, weight => Assert.True(double.IsFinite(weight)));
    }

    private static TrainReport Train(
        TinyRun<float> run, double rho, AdamWOptions optimizer, Action<StepRecord>? onStep = null)
    {
        using var vaccine = run.Vaccine(rho);
        var options = new TrainOptions(run.Batch.Sequences, optimizer, MaxSteps: Steps, Epochs: Steps);
        return new Trainer<float>(
            run.Device, run.Model.Trainable, run.Objective, rho > 0 ? vaccine : new Plain<float>(), options)
            .Run(run.Tiny.Sequences, onStep);
    }

    /// <summary>Plain fine-tuning, and one number of a gradient that is none.</summary>
    private sealed class Poisoning(Parameter<float> victim, float poison) : IGradientRule<float>
    {
        public string Name => "poisoning";

        public RuleReport Accumulate(
            IObjective<float> objective, PackedBatch batch, TrainState<float> state, double scale = 1)
        {
            double loss = state.Descend(objective, batch, state.Pass(new NoTap<float>()), scale);
            victim.Gradient.Span[0] = poison;
            return new(loss);
        }
    }
}
