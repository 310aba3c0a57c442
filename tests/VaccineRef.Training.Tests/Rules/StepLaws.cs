using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// What the outer minimisation must give: the gradient of the perturbed loss with the perturbation held still.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 20)]
public sealed class StepLaws
{
    // Sums of at most some thousand doubles, in another order.
    private const double ReorderTolerance = 1e-12;

    // Five-point central differences with h = 1e-5 along a unit direction: truncation h^4 D / 30 = 3e-22 D, with D
    // the fifth derivative, of which 5e9 has been met where a norm divides by a short row; rounding 1.5 |df| / h =
    // 1e-9 for a loss good to 1e-14.
    private const double DifferenceStep = 1e-5, DifferenceTolerance = 1e-7;

    /// <summary>A short row under a norm: with h = 1e-3 the difference was off by 2e-4.</summary>
    [Fact]
    public void The_gradient_is_right_where_the_loss_bends_most() => The_gradient_is_that_of_the_loss_with_epsilon_held(
        new(Family.Llama, false, 2, 1, 1, 6, 20, new(7, 0, 0), Seed: 1206869872));

    [Property]
    public void The_gradient_is_that_of_the_loss_with_epsilon_held(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(0.5);
        double[] gradient = run.GradientOf(rule), weights = run.Weights;
        double LossAt(double[] direction, double distance)
        {
            run.Weights = Numbers.Mix(1, weights, distance, direction);
            return run.Loss(new Shift<double>(rule.Epsilon));
        }

        for (int trial = 0; trial < 3; trial++)
        {
            // The gradient itself once, so that the slope is not small by chance.
            double[] direction = trial == 0 ? gradient : Noise(tiny.Random.At(trial), gradient.Length);
            direction = [.. direction.Select(value => value / Math.Max(direction.Norm(), 1e-12))];
            double Difference(int steps) =>
                LossAt(direction, steps * DifferenceStep) - LossAt(direction, -steps * DifferenceStep);
            double slope = ((8 * Difference(1)) - Difference(2)) / (12 * DifferenceStep);
            Assert.Equal(gradient.Dot(direction), slope, DifferenceTolerance * (1 + gradient.Norm()));
        }
    }

    [Property]
    public void At_rho_0_the_gradient_is_the_plain_one_bit_for_bit(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(0);
        double[] plain = run.GradientOf(new Plain<double>());
        Assert.Contains(plain, value => value != 0);
        Assert.Equal(plain, run.GradientOf(rule));
    }

    [Property(MaxTest = 10)]
    public void A_step_is_two_forwards_and_two_reverses_and_the_first_forms_no_weight_gradient(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(1);
        bool untouched = true;
        var watched = new Watched<double>(run.Objective, (_, _) => untouched &= run.Gradient.All(value => value == 0));
        run.Step(rule, objective: watched);
        Assert.Equal((2, 2), (run.State.Forwards, run.State.Tape.Reversed));
        Assert.True(untouched);
        Assert.Contains(run.Gradient, value => value != 0);
    }

    [Property(MaxTest = 10)]
    public void Plain_and_random_are_one_forward_and_one_reverse(TinyModel tiny)
    {
        foreach (IGradientRule<double> rule in new IGradientRule<double>[] { new Plain<double>(), new RandomPerturbation<double>(1) })
        {
            using var run = new TinyRun<double>(tiny);
            run.Step(rule);
            Assert.Equal((1, 1), (run.State.Forwards, run.State.Tape.Reversed));
        }
    }

    [Property(MaxTest = 30)]
    public void For_a_loss_linear_in_the_embeddings_the_rise_is_rho_G(ulong seed, byte sites, byte columns, byte tenths)
    {
        const double Guard = 1e-7;
        using var device = new CpuDevice(1);
        using var objective = new LinearObjective<double>(device, RandomStream.FromSeed(seed), 1 + (sites % 4), 1 + (columns % 40));
        using var state = new TrainState<double>(device, objective.Embeddings, seed);
        double rho = tenths / 10.0;
        using var rule = new Vaccine<double>(new VaccineOptions(rho), device);
        state.BeginStep();
        var report = rule.Accumulate(objective, LinearObjective<double>.OneRow, state);
        double norm = objective.Coefficients.SelectMany(c => TinyRun<double>.Values(c.Value)).ToArray().Norm();
        double most = 1 + Math.Abs(report.CleanLoss!.Value) + (rho * norm);
        Assert.Equal(rho * norm * norm / (norm + Guard), report.Loss - report.CleanLoss.Value, ReorderTolerance * most);
    }

    /// <summary>Every micro-batch has its own epsilon; what is summed is the gradients.</summary>
    [Property]
    public void Micro_batches_add_up_with_their_scales(TinyModel tiny, byte first, byte second)
    {
        double[] scales = [(first + 1) / 100.0, (second + 1) / 100.0];
        using var run = new TinyRun<double>(tiny);
        using var rule = run.Vaccine(1);
        PackedBatch[] batches = [run.Batch, PackedBatch.Pack([tiny.Sequences[0]])];
        double[][] alone = [.. batches.Select(batch => run.GradientOf(rule, batch))];
        double[] expected = Numbers.Mix(scales[0], alone[0], scales[1], alone[1]);
        run.State.BeginStep();
        for (int i = 0; i < batches.Length; i++)
        {
            rule.Accumulate(run.Objective, batches[i], run.State, scales[i]);
            run.State.NextMicroBatch();
        }

        double most = (scales[0] * alone[0].Norm()) + (scales[1] * alone[1].Norm());
        Assert.InRange(Numbers.Mix(1, run.Gradient, -1, expected).Norm(), 0, ReorderTolerance * most);
    }

    [Property]
    public void After_a_step_the_model_computes_what_it_did(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        double before = run.Loss();
        using var rule = run.Vaccine(3);
        Assert.NotEqual(before, run.Step(rule).Loss);
        Assert.Equal(before, run.Loss());
        Assert.Equal(0, run.State.Tape.Activations.InUse);
    }

    [Property(MaxTest = 10)]
    public void Shared_dropout_is_one_network_for_both_passes_and_fresh_is_two(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny with { Adapted = true, Dropout = 0.5 });
        double[] Gradient(IGradientRule<double> rule)
        {
            // Back to the same step: the stream of a pass is that of (seed, step, micro-batch, pass).
            using var state = new TrainState<double>(run.Device, run.Model.Trainable, seed: 7);
            state.BeginStep();
            rule.Accumulate(run.Objective, run.Batch, state);
            return run.Gradient;
        }

        using var shared = run.Vaccine(0, dropout: PassDropout.Shared);
        using var fresh = run.Vaccine(0, dropout: PassDropout.Fresh);
        double[] plain = Gradient(new Plain<double>());
        Assert.Equal(plain, Gradient(shared));
        Assert.NotEqual(plain, Gradient(fresh));
    }

    private static double[] Noise(RandomStream random, int count) =>
        [.. Enumerable.Range(0, count).Select(i => random.Normal(i))];
}
