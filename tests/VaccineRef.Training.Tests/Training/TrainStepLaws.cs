using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Training;

/// <summary>One optimizer step as a library user takes it.</summary>
public sealed class TrainStepLaws
{
    private static readonly TinyModel Tiny = new(Family.Llama, false, 2, 1, 2, 4, 13, new(4, 3, 5), Seed: 11);

    private static readonly StepOptions Options = new(new AdamWOptions(0.01), Seed: 5);

    [Fact]
    public void Steps_one_by_one_are_those_of_the_trainer()
    {
        double[] expected, found;
        using (var run = new TinyRun<double>(Tiny))
        {
            using var rule = run.Vaccine(1);
            new Trainer<double>(
                run.Device, run.Model.Trainable, run.Objective, rule,
                new(2, Options.Optimizer, Accumulation: 2, MaxSteps: 3, Shuffle: false, Seed: Options.Seed)).Run(
                    Tiny.Sequences);
            expected = run.Weights;
        }

        using (var run = new TinyRun<double>(Tiny))
        {
            using var rule = run.Vaccine(1);
            using var step = new TrainStep<double>(run.Model.Trainable, run.Objective, rule, Options, run.Device);
            PackedBatch[] batches = [.. Tiny.Sequences.Chunk(2).Select(PackedBatch.Pack)];
            for (int i = 1; i <= 3; i++)
                Assert.Equal(i, step.Run(batches).Step);
            found = run.Weights;
        }

        Assert.Equal(expected, found);
    }

    [Fact]
    public void Accumulating_alone_fills_the_gradients_and_leaves_the_weights()
    {
        using var run = new TinyRun<double>(Tiny);
        using var step = new TrainStep<double>(
            run.Model.Trainable, run.Objective, new Plain<double>(), Options, run.Device);
        double[] before = run.Weights;
        double loss = step.Accumulate(run.Batch).Loss;
        Assert.Equal(before, run.Weights);
        Assert.Contains(run.Gradient, value => value != 0);
        Assert.Equal(loss, step.Run(run.Batch).Loss);
        Assert.NotEqual(before, run.Weights);
    }

    /// <summary>
    /// Of the same rows twice the losses differ, since each micro-batch drops other elements; without dropout they are
    /// one.
    /// </summary>
    [Theory]
    [InlineData(0.5, true)]
    [InlineData(0, false)]
    public void Micro_batches_of_a_step_do_not_share_their_dropout(double dropout, bool differ)
    {
        using var run = new TinyRun<double>(Tiny with { Adapted = true, Dropout = dropout });
        using var step = new TrainStep<double>(
            run.Model.Trainable, run.Objective, new Plain<double>(), Options, run.Device);
        double one = step.Accumulate(run.Batch).Loss;
        using var again = new TinyRun<double>(Tiny with { Adapted = true, Dropout = dropout });
        using var both = new TrainStep<double>(
            again.Model.Trainable, again.Objective, new Plain<double>(), Options, again.Device);
        Assert.Equal(differ, Math.Abs(one - both.Accumulate(again.Batch, again.Batch).Loss) > 1e-9);
    }

    /// <summary>
    /// What a step says of its losses is what its micro-batches, of unequal size, say each alone, weighted as their
    /// gradients are.
    /// </summary>
    [Theory]
    [InlineData(AccumulationWeight.MicroBatch)]
    [InlineData(AccumulationWeight.Token)]
    public void The_losses_of_a_step_are_those_of_its_micro_batches_weighted(AccumulationWeight weight)
    {
        PackedBatch[] batches = [.. Tiny.Sequences.Chunk(2).Select(PackedBatch.Pack)];
        Assert.NotEqual(batches[0].Counted, batches[1].Counted);
        using var alone = new TinyRun<double>(Tiny);
        using var first = alone.Vaccine(0.5);
        RuleReport[] each = [.. batches.Select(batch => alone.Step(first, batch))];
        double all = batches.Sum(batch => batch.Counted);
        double Weighted(Func<RuleReport, double> loss) =>
            batches.Zip(each).Sum(pair => (weight == AccumulationWeight.Token ? pair.First.Counted / all : 1.0 / batches.Length) * loss(pair.Second));

        using var run = new TinyRun<double>(Tiny);
        using var rule = run.Vaccine(0.5);
        using var step = new TrainStep<double>(
            run.Model.Trainable, run.Objective, rule, Options with { Weight = weight }, run.Device);
        var report = step.Accumulate(batches);
        Assert.Equal(Weighted(part => part.Loss), report.Loss, 1e-12);
        Assert.Equal(Weighted(part => part.CleanLoss!.Value), report.CleanLoss!.Value, 1e-12);
        Assert.Equal(
            batches.Zip(each).Select(pair => alone.Loss(batch: pair.First)), each.Select(part => part.CleanLoss!.Value),
            (a, b) => Math.Abs(a - b) < 1e-12);
    }

    /// <summary>
    /// Five rows in steps of two micro-batches of two: the last step has one micro-batch, which weighs as a whole step
    /// does.
    /// </summary>
    [Fact]
    public void A_last_step_of_fewer_micro_batches_is_their_mean()
    {
        using var run = new TinyRun<double>(Tiny with { Lengths = new(4, 3, 5) });
        List<StepRecord> records = [];
        double last = 0;
        new Trainer<double>(
            run.Device, run.Model.Trainable, run.Objective, new Plain<double>(),
            new(1, new AdamWOptions(0.01), Accumulation: 2, Shuffle: false)).Run([.. Tiny.Sequences.Take(3)], record =>
        {
            records.Add(record);
            if (records.Count == 1)
                last = run.Loss(batch: PackedBatch.Pack([Tiny.Sequences[2]]));
        });
        Assert.Equal(2, records.Count);
        Assert.Equal(last, records[1].Loss, 1e-12 * (1 + last));
    }

    [Fact]
    public void Parameters_are_trainable_as_long_as_the_step_lives()
    {
        using var run = new TinyRun<double>(Tiny);
        run.State.Dispose();
        using (new TrainStep<double>(run.Model.Trainable, run.Objective, new Plain<double>(), Options, run.Device))
            Assert.All(run.Model.Trainable, parameter => Assert.True(parameter.IsTrainable));
        Assert.All(run.Model.Trainable, parameter => Assert.False(parameter.IsTrainable));
    }

    [Fact]
    public void What_else_a_rule_measures_is_in_the_record_of_the_step()
    {
        using var run = new TinyRun<double>(Tiny);
        using var step = new TrainStep<double>(
            run.Model.Trainable, run.Objective, new Measuring(), Options, run.Device);
        Assert.Equal(run.Batch.Rows, step.Run(run.Batch).Scalars!["rows"]);
        step.Rule = new Plain<double>();
        Assert.Null(step.Run(run.Batch).Scalars);
    }

    private sealed class Measuring : IGradientRule<double>
    {
        public string Name => "measuring";

        public RuleReport Accumulate(
            IObjective<double> objective, PackedBatch batch, TrainState<double> state, double scale = 1) =>
            new Plain<double>().Accumulate(objective, batch, state, scale) with
            {
                Scalars = new Dictionary<string, double> { ["rows"] = batch.Rows },
            };
    }

    [Fact]
    public void An_optimizer_names_a_frozen_parameter()
    {
        using var run = new TinyRun<double>(Tiny);
        using var optimizer = new Optimizer<double>(run.Model.Trainable, new AdamWOptions(0.1), run.Device);
        var frozen = run.Model.Trainable[1];
        frozen.Freeze();
        Action[] calls =
            [() => optimizer.GradientNorm(), () => optimizer.Step(1, 1, 1), () => optimizer.FirstNonFinite()];
        foreach (var call in calls)
            Assert.Contains(
                frozen.Name, Assert.Throws<InvalidOperationException>(call).Message, StringComparison.Ordinal);
    }

    /// <summary>Not a plausible report without any gradient.</summary>
    [Fact]
    public void Parameters_that_somebody_froze_are_an_error()
    {
        using var run = new TinyRun<double>(Tiny);
        using var vaccine = run.Vaccine(1);
        foreach (var parameter in run.Model.Trainable)
            parameter.Freeze();
        foreach (IGradientRule<double> rule in (IGradientRule<double>[])[new Plain<double>(), vaccine,
            new RandomPerturbation<double>(1)])
            Assert.Throws<InvalidOperationException>(() => run.Step(rule));
    }
}
