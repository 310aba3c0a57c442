using VaccineRef.Laws;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Rules that train on two kinds of data in turn, or at once.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 8)]
public sealed class MixedDataLaws
{
    // Two passes in another blocking of the same products, through norms of condition below 1e2.
    private const double RecomputeTolerance = 1e-11;

    [Property(MaxTest = 100)]
    public void The_vulnerable_group_is_drawn_more_often_the_worse_it_is_learnt(byte probability, byte loss, byte rate)
    {
        double p = 0.1 + (0.8 * probability / 255), f = 1e-3 + (loss / 10.0), r = 1e-4 + (rate / 1000.0);
        double up = VaaGroups.Next(p, f, vulnerable: true, r), down = VaaGroups.Next(p, f, vulnerable: false, r);
        Assert.InRange(up, Math.Min(p, 0.9 - 1e-12), 0.9);
        Assert.InRange(down, 0.1, Math.Max(p, 0.1 + 1e-12));
        Assert.True(VaaGroups.Next(p, f + 1, true, r) >= up && VaaGroups.Next(p, f + 1, false, r) <= down);
        // the published form, where it does not overflow
        double grown = p * Math.Exp(r * f / p), other = (1 - p) * Math.Exp(r * f / (1 - p));
        Assert.Equal(Math.Clamp(grown / (grown + 1 - p), 0.1, 0.9), up, 1e-12);
        Assert.Equal(Math.Clamp(p / (p + other), 0.1, 0.9), down, 1e-12);
        Assert.Equal(p, VaaGroups.Next(p, f, true, 0), 1e-15);
        Assert.Equal(0.9, VaaGroups.Next(p, 1e300, true, 1));
    }

    [Fact]
    public void Vaa_draws_its_groups_and_its_perturbed_steps_as_often_as_it_says()
    {
        const int Steps = 1500;
        const double P = 0.3, Lambda = 0.4, Sigmas = 5;
        var tiny = new TinyModel(Family.Llama, true, 1, 1, 1, 4, 11, new(2, 0, 0), Seed: 4);
        using var run = new TinyRun<float>(tiny);
        using var rule = new Vaa<float>(new(0.1, Lambda, VaaSchedule.Constant, P, ProbabilityRate: 0), run.Device);
        string vulnerable = "of the group";
        var stream = new BatchStream([tiny.Other(StreamName.Vulnerable)[0] with { Id = vulnerable }], 1, default);
        using var state = new TrainState<float>(run.Device, run.Model.Trainable, seed: 3)
        {
            Streams = new Dictionary<string, BatchStream> { [StreamName.Vulnerable] = stream },
        };
        int drawn = 0;
        for (int step = 0; step < Steps; step++)
        {
            bool first = true;
            state.BeginStep();
            rule.Accumulate(new Watched<float>(run.Objective, (_, batch) =>
            {
                drawn += first && batch.Ids[0] == vulnerable ? 1 : 0;
                first = false;
            }), run.Batch, state);
        }

        Assert.Equal(P, drawn / (double)Steps, Sigmas * Math.Sqrt(P * (1 - P) / Steps));
        Assert.Equal(Lambda, (state.Forwards / (double)Steps) - 1, Sigmas * Math.Sqrt(Lambda * (1 - Lambda) / Steps));
        Assert.Equal(P, rule.Probability, 1e-12);
    }

    /// <summary>With the linear schedule the first step is plain, and later ones are SAM's.</summary>
    [Fact]
    public void Vaa_begins_plain_and_ends_as_sam()
    {
        var tiny = new TinyModel(Family.Opt, false, 2, 1, 1, 4, 17, new(4, 3, 5), Seed: 9);
        using var run = new TinyRun<double>(tiny);
        using var rule = new Vaa<double>(new(), run.Device);
        List<bool> perturbed = [];
        new Trainer<double>(run.Device, run.Model.Trainable, run.Objective, rule, new(3, new AdamWOptions(1e-3), MaxSteps: 60), run.Streams).Run(
            tiny.Sequences, step => perturbed.Add(step.CleanLoss is not null));
        Assert.False(perturbed[0]);
        Assert.True(perturbed.Take(20).Count(sam => sam) < perturbed.TakeLast(20).Count(sam => sam));
    }

    [Property]
    public void Rebellion_is_vaccine_on_the_safe_data_and_plain_on_the_task(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var vaccine = run.Vaccine(0.5, dropout: PassDropout.Shared);
        double[] safe = run.GradientOf(vaccine);
        double[] task = run.GradientOf(new Plain<double>(), run.Stream(StreamName.Task).Next());
        using var rule = new Rebellion<double>(new(0.5), run.Device);
        double distance = Numbers.Mix(1, Numbers.Mix(1, safe, 1, task), -1, run.GradientOf(rule)).Norm();
        Assert.InRange(distance, 0, RecomputeTolerance * (safe.Norm() + task.Norm()));
    }
}
