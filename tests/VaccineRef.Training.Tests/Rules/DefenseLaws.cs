using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;
using VaccineRef.Testing;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// EWC, KL, LDIFS, AsFT: what they add to the loss, and where they add nothing. With early tokens: slopes and threads.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 15)]
public sealed class DefenseLaws
{
    private const double Lambda = 0.7;

    // Sums of some hundred products of doubles, over norms of condition below 1e2.
    private const double RecomputeTolerance = 1e-11;

    private static readonly Choice[] Choices =
    [
        new("ewc", Lambda), new("ewc", Lambda, Variant.AsReleased),
        new("kl", Lambda), new("kl", Lambda, Variant.AsReleased),
        new("ldifs", Lambda), new("ldifs", Lambda, Variant.AsReleased), new("asft", Lambda),
    ];

    private static readonly Choice[] All = [.. Choices, new("early_tokens", 0)];

    [Property]
    public void Where_training_begins_nothing_is_added(TinyModel tiny)
    {
        foreach (var choice in Choices)
        {
            using var trial = new Trial(tiny, choice);
            var (plain, defended) = (trial.Run(plain: true), trial.Run(plain: false));
            if (choice is { Kind: "kl", Variant: Variant.AsReleased } or { Kind: "ldifs" })
                plain.RequireNear(defended);            // over all rows: the same sums, cut elsewhere
            else
                Assert.Equal(plain, defended);
        }
    }

    [Property]
    public void With_lambda_zero_nothing_is_added_anywhere(TinyModel tiny)
    {
        foreach (var choice in Choices)
        {
            using var trial = new Trial(tiny, choice with { Lambda = 0 });
            trial.Move();
            Assert.Equal(trial.Run(plain: true), trial.Run(plain: false));
        }
    }

    [Property]
    public void The_gradient_of_ewc_is_2_lambda_F_times_the_way_from_the_anchor(TinyModel tiny)
    {
        using var trial = new Trial(tiny, Choices[0]);
        double[] anchor = trial.Model.Weights, fisher = trial.Fisher(Variant.Paper);
        trial.Move();
        var (plain, anchored) = (trial.Run(plain: true), trial.Run(plain: false));
        double[] weights = trial.Model.Weights;
        double penalty = 0, scale = anchored.Gradient.Norm();
        for (int i = 0; i < weights.Length; i++)
        {
            double way = weights[i] - anchor[i];
            penalty += Lambda * fisher[i] * way * way;
            Assert.Equal(
                2 * Lambda * fisher[i] * way, anchored.Gradient[i] - plain.Gradient[i],
                RecomputeTolerance * (1 + scale));
        }

        Assert.True(penalty > 0);
        Assert.Equal(penalty, anchored.Loss - plain.Loss, RecomputeTolerance * (1 + anchored.Loss));
    }

    /// <summary>
    /// What a recipe's settings make is the equation over the data that they name: squares of the gradient of each
    /// sequence, averaged, or of each batch of the stage's size, summed.
    /// </summary>
    [Property(MaxTest = 10)]
    public void Ewc_made_from_its_settings_weighs_by_the_gradients_of_its_batches(
        TinyModel tiny, byte size, bool released)
    {
        using TinyRun<double> before = new(tiny), run = new(tiny);
        TokenSequence[] data =
            [.. tiny.Sequences.Where(sequence => sequence.Labels.Skip(1).Any(label => label != PackedBatch.Ignored))];
        int batch = 2 + (size % 2);
        TokenSequence[][] batches = [.. data.Chunk(released ? batch : 1)];
        double[] anchor = before.Weights, fisher = new double[anchor.Length];
        foreach (var each in batches)
            fisher = [.. fisher.Zip(
                before.GradientOf(new Plain<double>(), PackedBatch.Pack(each)),
                (sum, g) => sum + (g * g / (released ? 1 : batches.Length)))];
        var options = new EwcOptions(Lambda, released ? Variant.AsReleased : Variant.Paper);
        var objective = options.Make(
            new ObjectiveContext<double>(run.Model, () => data, batch, _ => throw new NotSupportedException()));
        using var owned = (IDisposable)objective;
        var random = tiny.Random.At("move");
        run.Weights = [.. anchor.Select((weight, i) => weight + (0.1 * random.Normal(i)))];
        double penalty = Lambda * run.Weights.Zip(anchor, fisher)
            .Sum(each => each.Third * (each.First - each.Second) * (each.First - each.Second));
        double plain = run.Loss(), found = run.State.Tape.Read(
            objective.Loss(new Pass<double>(run.State.Tape, new NoTap<double>()), run.Batch));
        run.State.Tape.Clear();
        Assert.Equal(plain + penalty, found, RecomputeTolerance * (1 + plain + penalty));
    }

    /// <summary>A loss that bends much: with central differences along a long direction, off by 6e-5.</summary>
    [Fact]
    public void The_gradient_is_the_slope_where_the_loss_bends_much() => The_gradient_is_the_slope_of_what_is_minimised(
        new(Family.Llama, false, 2, 1, 1, 4, 15, new(4, 4, 7), Seed: 1233669957));

    [Property]
    public void The_gradient_is_the_slope_of_what_is_minimised(TinyModel tiny)
    {
        foreach (var choice in All)
        {
            using var trial = new Trial(tiny, choice);
            trial.Move();
            var (weights, here) = (trial.Model.Weights, trial.Run(plain: false));
            var random = tiny.Random.At("direction");
            double[] raw = [.. weights.Select((_, i) => random.Normal(i))], direction = raw.Times(1 / raw.Norm());
            double At(double distance)
            {
                trial.Model.Weights = Numbers.Mix(1, weights, distance, direction);
                return trial.Run(plain: false).Loss;
            }

            string? fault = OneSidedSlope.Fault(At, here.Loss, here.Gradient, direction);
            Assert.True(fault is null, $"{choice}: {fault}");
        }
    }

    [Property]
    public void One_thread_and_many_give_the_same_bits(TinyModel tiny)
    {
        foreach (var choice in All)
        {
            using Trial one = new(tiny, choice), many = new(tiny, choice, threads: 3);
            one.Move();
            many.Move();
            Assert.Equal(one.Run(plain: false), many.Run(plain: false));
        }
    }

    [Property]
    public void The_released_fisher_grows_with_the_number_of_batches(TinyModel tiny)
    {
        using var trial = new Trial(tiny, Choices[0]);
        double[] mean = trial.Fisher(Variant.Paper), sum = trial.Fisher(Variant.AsReleased);
        int samples =
            tiny.Sequences.Count(sequence => sequence.Labels.Skip(1).Any(label => label != PackedBatch.Ignored));
        // batches of one sequence: both are made of the same squares
        for (int i = 0; i < mean.Length; i++)
            Assert.Equal(samples * mean[i], sum[i], RecomputeTolerance * (1 + sum[i]));
    }

    [Property]
    public void On_a_fresh_adapter_only_B_is_anchored(TinyModel tiny)
    {
        using var trial = new Trial(tiny with { Adapted = true }, null);
        foreach (var pair in trial.Model.Model.Adapter!.Pairs)
            pair.B.Value.Span.Clear();
        using var fisher = trial.Estimate(Variant.Paper);
        foreach (var (parameter, values) in trial.Model.Model.Trainable.Zip(fisher.Values))
        {
            string[] name = parameter.Name.Split('.');
            bool zero = TinyRun<double>.Values(values).All(value => value == 0);
            // A row that sees only itself, or equal values, gives the scores no gradient: q's and k's B may be 0 as
            // well.
            bool ofScores = name.Intersect(["q_proj", "k_proj"]).Any();
            Assert.True(name.Contains("lora_A") ? zero : !zero || ofScores, parameter.Name);
        }
    }

    /// <summary>A tiny model with its alignment data and an objective made of a choice.</summary>
    private sealed class Trial : IDisposable
    {
        private readonly IObjective<double>? _objective;
        private readonly Arena _gradients;

        public Trial(TinyModel tiny, Choice? choice, int threads = 1)
        {
            Model = new(tiny, threads);
            _gradients = new(Model.Device);
            _objective = choice is null ? null : Objective(choice);
            Train();
        }

        public TinyRun<double> Model { get; }

        private TokenSequence[] Counted =>
            [.. Model.Tiny.Sequences
                .Where(sequence => sequence.Labels.Skip(1).Any(label => label != PackedBatch.Ignored))];

        private IObjective<double> Objective(Choice choice)
        {
            var model = Model.Model;
            var loss = new CrossEntropyObjective<double>(model.Network);
            using var before = new TinyRun<double>(Model.Tiny with { Adapted = false }, Model.Device, noise: 0.1);
            switch (choice.Kind)
            {
                case "kl":
                    return new KlObjective<double>(
                        model.Network, model.Trainable, choice.Lambda, choice.Variant, Model.Device);
                case "ldifs":
                    return new LdifsObjective<double>(
                        model.Network, model.Trainable, new(choice.Lambda, choice.Variant), Model.Device);
                case "asft":
                    return new AsftObjective<double>(loss, model, before.Model, choice.Lambda);
                case "early_tokens":
                    return new EarlyTokensObjective<double>(model.Network, model.Trainable, new(), Model.Device);
            }

            var batches = Counted.Chunk(choice.Variant == Variant.Paper ? 1 : 2).Select(PackedBatch.Pack).ToArray();
            var fisher = FisherDiagonal<double>.Estimate(loss, model.Trainable, batches, choice.Variant, Model.Device);
            return new EwcObjective<double>(loss, model.Trainable, fisher, choice.Lambda, Model.Device);
        }

        /// <summary>Goes some way from the anchor.</summary>
        public void Move()
        {
            var random = Model.Tiny.Random.At("move");
            Model.Weights = [.. Model.Weights.Select((weight, i) => weight + (0.1 * random.Normal(i)))];
        }

        public Outcome Run(bool plain)
        {
            var report = Model.Step(new Plain<double>(), objective: plain ? null : _objective);
            return new(report.Loss, Model.Gradient);
        }

        public FisherDiagonal<double> Estimate(Variant form)
        {
            var fisher = FisherDiagonal<double>.Estimate(
                Model.Objective, Model.Model.Trainable, [.. Counted.Select(sequence => PackedBatch.Pack([sequence]))],
                form, Model.Device);
            Train();
            return fisher;
        }

        public double[] Fisher(Variant form)
        {
            using var fisher = Estimate(form);
            return [.. fisher.Values.SelectMany(TinyRun<double>.Values)];
        }

        public void Dispose()
        {
            (_objective as IDisposable)?.Dispose();
            _gradients.Dispose();
            Model.Dispose();
        }

        private void Train()
        {
            foreach (var parameter in Model.Model.Trainable)
                parameter.Train(_gradients);
        }
    }

    private sealed record Choice(string Kind, double Lambda, Variant Variant = Variant.Paper);

    private sealed record Outcome(double Loss, double[] Gradient)
    {
        public void RequireNear(Outcome other)
        {
            Assert.Equal(Loss, other.Loss, RecomputeTolerance * (1 + Loss));
            double distance = Numbers.Mix(1, Gradient, -1, other.Gradient).Norm();
            Assert.True(distance <= RecomputeTolerance * (1 + Gradient.Norm()), $"{distance}");
        }

        public bool Equals(Outcome? other) =>
            other is not null && Loss == other.Loss && Gradient.AsSpan().SequenceEqual(other.Gradient);

        public override int GetHashCode() => Loss.GetHashCode();
    }
}
