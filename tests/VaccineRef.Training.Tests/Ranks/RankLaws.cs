using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Training.Tests.Rules;

namespace VaccineRef.Training.Tests.Ranks;

/// <summary>
/// The micro-batches of a step are divided among ranks, and the number of ranks changes no bit: of weights, of what
/// each step reports, of what is counted, and of all that is remembered at the end.
/// </summary>
public sealed class RankLaws
{
    // the second step has two micro-batches instead of four: of three ranks one is idle
    private static readonly TrainOptions Options = new(
        1, new AdamWOptions(0.01, WeightDecay: 0.1), MaxSteps: 3, Accumulation: 4, Schedule: ScheduleKind.Cosine,
        WarmupRatio: 0.2, Seed: 4);

    private static readonly RuleCase[] Cases =
    [
        .. RuleVariants.All.Where(rule => rule.Options.Undivided is null),
        new("vaccine, a ball for each micro-batch", new VaccineOptions(0.5, PerturbationNorm.Batch)),
        new("vaccine, fresh dropout", new VaccineOptions(0.5, Dropout: PassDropout.Fresh)),
        new("pgd_vaccine, short steps in one ball", new PgdVaccineOptions(0.5, Steps: 3, StepLength: 0.3)),
        new("random_direction, a ball for each sequence", new RandomDirectionOptions(
            0.5, Norm: PerturbationNorm.Sample)),
    ];

    public static TheoryData<string> Rules => [.. Cases.Select(rule => rule.Name)];

    [Theory]
    [MemberData(nameof(Rules))]
    public void The_number_of_ranks_changes_no_bit(string name)
    {
        var rule = Cases.Single(rule => rule.Name == name).Options;
        var tiny = Tiny(Family.Llama, adapted: true);
        var alone = RankTraining.Run<double>(tiny, rule, Options, Alone.Only);
        Assert.Equal(Options.MaxSteps, alone.Records.Length);
        foreach (int size in (int[])[2, 3])
            foreach (var each in RankTraining.Run<double>(tiny, rule, Options, size))
                AssertSame(alone, each);
    }

    [Theory]
    [InlineData(Family.Llama, true)]
    [InlineData(Family.Llama, false)]
    [InlineData(Family.Opt, true)]
    [InlineData(Family.Opt, false)]
    public void Four_micro_batches_on_one_rank_are_two_on_two_and_one_on_four(Family family, bool adapted)
    {
        foreach (var weight in Enum.GetValues<AccumulationWeight>())
        {
            var options = Options with { BatchSize = 2, Weight = weight };
            var alone = RankTraining.Run<float>(Tiny(family, adapted), new VaccineOptions(0.5), options, Alone.Only);
            foreach (int size in (int[])[2, 4])
                foreach (var each in RankTraining.Run<float>(
                    Tiny(family, adapted), new VaccineOptions(0.5), options, size))
                    AssertSame(alone, each);
        }
    }

    /// <summary>
    /// The oracle knows nothing of ranks: each gradient from zero, and the sums in order, number by number.
    /// </summary>
    [Property(MaxTest = 10)]
    public void Gradients_are_added_in_the_order_of_the_micro_batches(byte seed, byte ranks)
    {
        var tiny = Tiny(Family.Llama, adapted: seed % 2 == 0) with { Dropout = 0 };
        PackedBatch[] batches = [.. tiny.Sequences.Concat(tiny.Other("more")).Take(2 + (seed % 4))
            .Select(row => PackedBatch.Pack([row]))];
        float[] expected = [], found = [];
        using (var run = new TinyRun<float>(tiny))
            foreach (var (i, batch) in batches.Index())
            {
                run.State.BeginStep();
                new Plain<float>().Accumulate(run.Objective, batch, run.State, 1.0 / batches.Length);
                float[] gradient = [.. run.Gradient.Select(value => (float)value)];
                expected = i == 0 ? gradient : [.. expected.Zip(gradient, (a, b) => a + b)];
            }

        LocalRanks.Run(1 + (ranks % 4), rank =>
        {
            using var run = new TinyRun<float>(tiny);
            using var step = new TrainStep<float>(
                run.Model.Trainable, run.Objective, new Plain<float>(), new(new AdamWOptions(0.01)), run.Device,
                ranks: rank);
            step.Accumulate(batches);
            if (rank.Rank == rank.Size - 1)
                found = [.. run.Gradient.Select(value => (float)value)];
        });
        Assert.Equal(expected, found);
    }

    [Theory]
    [InlineData("vaa")]
    [InlineData("tar")]
    public void A_rule_whose_micro_batches_depend_on_each_other_is_refused_by_name(string name)
    {
        var rule = RuleCases.Named(name).Options;
        LocalRanks.Run(2, rank =>
        {
            var error = Assert.Throws<InputException>(
                () => RankTraining.Run<double>(Tiny(Family.Llama, true), rule, Options, rank));
            Assert.Contains($"the rule {name} cannot be divided among ranks", error.Message, StringComparison.Ordinal);
            Assert.True(error.IsAgreed());
        });
        Assert.NotEmpty(RankTraining.Run<double>(Tiny(Family.Llama, true), rule, Options, Alone.Only).Records);
    }

    [Fact]
    public void More_ranks_than_micro_batches_are_refused_with_the_numbers()
    {
        LocalRanks.Run(3, rank =>
        {
            var error = Assert.Throws<InputException>(() => RankTraining.Run<double>(
                Tiny(Family.Llama, true), new PlainOptions(), Options with { Accumulation = 2 }, rank));
            Assert.Contains("2 micro-batches for 3 ranks", error.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public void Other_weights_on_one_rank_are_an_error_that_names_it()
    {
        LocalRanks.Run(2, rank =>
        {
            var tiny = Tiny(Family.Llama, true) with { Seed = rank.Rank == 0 ? 21 : 22 };
            var error =
                Assert.Throws<InputException>(() => RankTraining.Run<double>(tiny, new PlainOptions(), Options, rank));
            Assert.Contains("rank 1", error.Message, StringComparison.Ordinal);
        });
    }

    /// <summary>
    /// A number that is not finite on one rank is told of on each, as one rank alone would tell of it.
    /// </summary>
    [Fact]
    public void A_loss_that_is_not_finite_on_one_rank_ends_all_with_the_same_words()
    {
        var tiny = Tiny(Family.Llama, true);
        string said = Assert.Throws<NonFiniteException>(() => Diverge(tiny, Alone.Only)).Message;
        LocalRanks.Run(
            4, rank => Assert.Equal(said, Assert.Throws<NonFiniteException>(() => Diverge(tiny, rank)).Message));
    }

    [Fact]
    public void A_rank_that_is_stopped_stops_all_after_the_same_step()
    {
        LocalRanks.Run(3, rank =>
        {
            using var cancel = new CancellationTokenSource();
            var records = RankTraining.Run<double>(Tiny(Family.Llama, true), new VaccineOptions(0.5), Options, rank, onStep: step =>
            {
                if (rank.Rank == 2 && step.Step == 1)
                    cancel.Cancel();
            }, cancel: cancel.Token).Records;
            Assert.Single(records);
        });
    }

    /// <summary>Losses, teacher forcing and generation in groups, divided among ranks.</summary>
    [Property(MaxTest = 5)]
    public void What_is_measured_does_not_depend_on_the_ranks(byte seed)
    {
        var tiny = Tiny(Family.Llama, adapted: true) with { Seed = seed };
        TokenSequence[] rows = [.. Enumerable.Range(0, 60).Select(i => tiny.Sequences[i % tiny.Sequences.Count])];
        int[][] prompts = [.. rows.Take(7).Select(row => row.Tokens[..3])];
        // so little memory that each prompt is a group of its own
        var generation = new GenerationOptions(3, Sample: true, Seed: seed) { MemoryBytes = 1 };
        string[] Measure(ICommunicator rank)
        {
            using var run = new TinyRun<float>(tiny);
            return
            [
                $"{AlignmentLoss.Of(run.Objective, rows, run.Device, batchSize: 7, ranks: rank):R}",
                .. TeacherForcing.Read(run.Network, rows, run.Device, rank)
                    .Select(answer => $"{string.Join(' ', answer.Expected)}, {string.Join(' ', answer.Chosen)}, {answer.Loss:R}"),
                .. Generator.Generate(run.Model, prompts, generation, rank).Select(ids => string.Join(' ', ids)),
            ];
        }

        string[] alone = Measure(Alone.Only);
        LocalRanks.Run(3, rank => Assert.Equal(alone, Measure(rank)));
    }

    private static void Diverge(TinyModel tiny, ICommunicator rank)
    {
        using var run = new TinyRun<double>(tiny);
        using var step = new TrainStep<double>(
            run.Model.Trainable, new NotFiniteAfter(run.Objective, tiny.Sequences[2].Id!), new Plain<double>(),
            new(new AdamWOptions(0.01)), run.Device, ranks: rank);
        step.Run([.. tiny.Sequences.Select(row => PackedBatch.Pack([row]))]);
    }

    private static void AssertSame(RankOutcome expected, RankOutcome found)
    {
        Assert.Equal(expected.Weights, found.Weights);
        Assert.Equal(expected.Records.Select(RankTraining.Text), found.Records.Select(RankTraining.Text));
        // what one process holds
        Assert.Equal(expected.Report with { RuleBytes = 0 }, found.Report with { RuleBytes = 0 });
        Assert.Equal(expected.Meter, found.Meter);
    }

    internal static TinyModel Tiny(Family family, bool adapted) =>
        new(family, adapted, 3, 1, 2, 4, 17, new(6, 5, 4), Seed: 21) { Dropout = adapted ? 0.2 : 0 };

    /// <summary>A loss that overflows on the batch that holds a row.</summary>
    private sealed class NotFiniteAfter(IObjective<double> inner, string id) : IObjective<double>
    {
        public string Name => inner.Name;

        public Tensor<double> Loss(Pass<double> pass, PackedBatch batch)
        {
            var loss = inner.Loss(pass, batch);
            if (batch.Ids.Contains(id))
                pass.Tape.Device.Fill(loss.Value, double.NaN);
            return loss;
        }
    }
}
