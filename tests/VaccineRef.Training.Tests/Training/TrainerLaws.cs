using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Training.Tests.Rules;

namespace VaccineRef.Training.Tests.Training;

/// <summary>
/// The stage around the rule: which batches come in which order, when it ends, and what a failure leaves behind.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 15)]
public sealed class TrainerLaws
{
    private static readonly TinyModel Tiny = new(Family.Llama, false, 2, 1, 2, 4, 13, new(4, 3, 5), Seed: 11);

    [Property]
    public void Every_epoch_is_a_permutation_of_the_data(
        byte examples, byte batch, byte accumulation, byte epochs, ulong seed)
    {
        int n = 1 + (examples % 9), rounds = 1 + (epochs % 3);
        var options = new TrainOptions(
            1 + (batch % 4), new AdamWOptions(0.01), rounds, Accumulation: 1 + (accumulation % 3), Seed: seed);
        var (order, report) = Order(options, n);
        Assert.Equal(rounds * n, order.Count);
        Assert.All(order.Chunk(n), epoch => Assert.Equal(Names(n), epoch.Order(StringComparer.Ordinal)));
        int perStep = options.BatchSize * options.Accumulation;
        Assert.Equal((rounds * ((n + perStep - 1) / perStep), false), (report.Steps, report.Interrupted));
        Assert.Equal(order, Order(options, n).Order);
    }

    [Fact]
    public void The_seed_and_the_epoch_decide_the_order_and_without_shuffling_it_is_the_data_s()
    {
        var options = new TrainOptions(2, new AdamWOptions(0.01), Epochs: 2, Seed: 1);
        var order = Order(options, 9).Order;
        Assert.NotEqual(order[..9], order[9..]);
        Assert.NotEqual(order, Order(options with { Seed = 2 }, 9).Order);
        Assert.Equal([.. Names(9), .. Names(9)], Order(options with { Shuffle = false }, 9).Order);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void Max_steps_ends_the_stage_wherever_the_epoch_is(int steps)
    {
        var (order, report) = Order(new(2, new AdamWOptions(0.01), Epochs: 50, MaxSteps: steps), 4);
        Assert.Equal((steps, steps), (report.Steps, report.PlannedSteps));
        Assert.Equal(2 * steps, order.Count);
    }

    /// <summary>
    /// Each counted token weighs the same, so micro-batches add up to the big batch; by micro-batch they do not.
    /// </summary>
    [Property]
    public void Accumulated_by_token_the_plain_gradient_is_that_of_the_big_batch(TinyModel tiny)
    {
        // The gradients' own rounding, through norms of condition below 1e2; Adam's first step divides by |g| + 1e-3.
        const double Tolerance = 1e-9, Epsilon = 1e-3;
        var sequences = tiny.Sequences.Where(s => PackedBatch.Pack([s]).Counted > 0).ToArray();
        double[] Trained(TrainOptions options)
        {
            using var run = new TinyRun<double>(tiny);
            Trainer(run, new Plain<double>(), options).Run(sequences, cancel: Cancel);
            return run.Weights;
        }

        var optimizer = new AdamWOptions(1, Epsilon: Epsilon, MaxGradientNorm: 0);
        double[] big = Trained(new(sequences.Length, optimizer, MaxSteps: 1));
        double[] small = Trained(
            new(1, optimizer, MaxSteps: 1, Accumulation: sequences.Length, Weight: AccumulationWeight.Token));
        Assert.InRange(Numbers.Mix(1, big, -1, small).Largest(), 0, Tolerance);
    }

    [Fact]
    public void Cancelled_it_ends_after_the_step_under_way()
    {
        using var run = new TinyRun<double>(Tiny);
        using var cancel = new CancellationTokenSource();
        var trainer = Trainer(run, new Plain<double>(), new(1, new AdamWOptions(0.01), Epochs: 5));
        var report = trainer.Run(
            Tiny.Sequences, step => { if (step.Step == 2) cancel.Cancel(); }, cancel: cancel.Token);
        Assert.Equal((2, 15, true), (report.Steps, report.PlannedSteps, report.Interrupted));
        Assert.All(run.Network.Parameters, parameter => Assert.False(parameter.IsTrainable));
    }

    [Fact]
    public void A_loss_that_is_not_finite_names_step_site_and_batch_and_touches_no_weight()
    {
        using var run = new TinyRun<float>(Tiny);
        var weight = run.Network.Parameters.Single(p => p.Name == "model.layers.1.self_attn.o_proj.weight");
        double[] before = [];
        var poisoned = new Watched<float>(run.Objective, (forward, _) =>
        {
            if (forward != 3)
                return;
            weight.Value.Span.Fill(float.MaxValue);
            before = run.Weights;
        });
        var trainer = new Trainer<float>(run.Device, run.Model.Trainable, poisoned, new Plain<float>(), Options);
        var error = Assert.Throws<NonFiniteException>(() => trainer.Run(Tiny.Sequences, cancel: Cancel));
        Assert.Equal((3, "layers.1.attention_output"), (error.Step, error.First));
        Assert.Equal(["sequence 2"], error.Batch);
        Assert.Equal(before, run.Weights);
    }

    [Fact]
    public void A_gradient_that_is_not_finite_names_its_parameter_and_touches_no_weight()
    {
        using var device = new CpuDevice(1);
        using var objective = new LinearObjective<float>(device, RandomStream.FromSeed(1), 2, 3);
        // L = c * (c' e) with e = 0: the loss is 0, the gradient c c' beyond a float.
        objective.Embeddings[1].Value.Span.Clear();
        objective.Coefficients[1].Value.Span.Fill(1e30f);
        objective.Embeddings[0].Value.Span.Clear();
        objective.Coefficients[0].Value.Span.Fill(1e-30f);
        var trainer = new Trainer<float>(
            device, objective.Embeddings, new Scaled<float>(objective, 1e30), new Plain<float>(), Options);
        var error =
            Assert.Throws<NonFiniteException>(() => trainer.Run([new TokenSequence([0], [0], "only")], cancel: Cancel));
        Assert.Equal((1, "e.1"), (error.Step, error.First));
        Assert.Equal(["only"], error.Batch);
        Assert.All(objective.Embeddings, e => Assert.Equal([0, 0, 0], e.Value.Span));
    }

    [Fact]
    public void Accelerated_with_tau_1_is_vaccine_bit_for_bit_and_beyond_the_last_step_it_is_plain()
    {
        double[] Trained(
            Func<TinyRun<double>, Vaccine<double>, IGradientRule<double>> rule, Action<StepRecord>? onStep = null)
        {
            using var run = new TinyRun<double>(Tiny);
            using var vaccine = run.Vaccine(2);
            Trainer(run, rule(run, vaccine), Options).Run(Tiny.Sequences, onStep, cancel: Cancel);
            return run.Weights;
        }

        double[] vaccine = Trained((_, rule) => rule), plain = Trained((_, _) => new Plain<double>());
        Assert.NotEqual(vaccine, plain);
        Assert.Equal(vaccine, Trained((_, rule) => new AcceleratedVaccine<double>(rule, 1)));
        Assert.Equal(plain, Trained((_, rule) => new AcceleratedVaccine<double>(rule, 4)));
        List<bool> perturbed = [];
        Trained((_, rule) => new AcceleratedVaccine<double>(rule, 2), step => perturbed.Add(step.PerturbationNorm > 0));
        Assert.Equal([false, true, false], perturbed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-3)]
    public void A_tau_below_1_is_an_error(int tau)
    {
        using var device = new CpuDevice(1);
        using var vaccine = new Vaccine<double>(new VaccineOptions(1), device);
        Assert.Throws<InputException>(() => new AcceleratedVaccine<double>(vaccine, tau));
    }

    [Fact]
    public void Settings_out_of_range_and_no_data_are_errors()
    {
        using var run = new TinyRun<double>(Tiny);
        TrainOptions good = new(1, new AdamWOptions(0.01));
        TrainOptions[] bad =
        [
            good with { BatchSize = 0 }, good with { Accumulation = 0 }, good with { MaxSteps = -1 },
            good with { Epochs = 0 },
            good with { WarmupRatio = 1.1 }, good with { Optimizer = new AdamWOptions(double.NaN) },
            good with { Optimizer = new AdamWOptions(0.1, -1) },
            good with { Optimizer = new AdamWOptions(0.1, Beta1: 1) },
            good with { Optimizer = new AdamWOptions(0.1, Epsilon: 0) },
            good with { Optimizer = new AdamWOptions(0.1, MaxGradientNorm: -1) },
        ];
        Assert.All(bad, options => Assert.Throws<InputException>(
            () => Trainer(run, new Plain<double>(), options).Run(Tiny.Sequences, cancel: Cancel)));
        Assert.Throws<InputException>(() => Trainer(run, new Plain<double>(), good).Run([], cancel: Cancel));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>Three steps, in the data's order.</summary>
    private static TrainOptions Options => new(1, new AdamWOptions(0.01), Shuffle: false);

    private static Trainer<double> Trainer(TinyRun<double> run, IGradientRule<double> rule, TrainOptions options) =>
        new(run.Device, run.Model.Trainable, run.Objective, rule, options);

    private static string[] Names(int n) => [.. Enumerable.Range(0, n).Select(i => $"example {i}")];

    /// <summary>The examples' ids in the order in which a run on the linear objective sees them.</summary>
    private static (List<string> Order, TrainReport Report) Order(TrainOptions options, int examples)
    {
        using var device = new CpuDevice(1);
        using var objective = new LinearObjective<double>(device, RandomStream.FromSeed(1), 1, 2);
        List<string> seen = [];
        var watched = new Watched<double>(objective, (_, batch) => seen.AddRange(batch.Ids));
        var trainer = new Trainer<double>(device, objective.Embeddings, watched, new Plain<double>(), options);
        var report = trainer.Run([.. Names(examples).Select(name => new TokenSequence([0, 0], [0, 0], name))]);
        return (seen, report);
    }
}
