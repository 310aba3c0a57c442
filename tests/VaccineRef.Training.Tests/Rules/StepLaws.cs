using VaccineRef.Core;
using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// What holds of this program's step beside the laws of the package: what the first pass forms, and whose dropout masks
/// the passes see.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 20)]
public sealed class StepLaws
{
    /// <summary>A short row under a norm: with h = 1e-3 the difference was off by 2e-4.</summary>
    [Fact]
    public void The_gradient_is_right_where_the_loss_bends_most()
    {
        using var device = new CpuDevice(1);
        using var step = new ReferenceStep(device)
        {
            Model = new(Family.Llama, false, 2, 1, 1, 6, 20, new(7, 0, 0), Seed: 1206869872),
        };
        VaccineLaws.Named("second pass").CheckCase(step, new(2, 1, 0.5, 0, 1));
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
}
