using VaccineRef.Core;
using VaccineRef.Kernels;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// LDIFS, AsFT and early tokens against their equations, each made of parts that the objective does not use.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 12)]
public sealed class FineTuningObjectiveLaws
{
    // Sums of some hundred products of doubles, over norms of condition below 1e2.
    private const double Tolerance = 1e-11;

    [Property]
    public void Ldifs_adds_the_squared_way_of_the_mlp_outputs(TinyModel tiny, byte weight)
    {
        double lambda = weight / 100.0;
        using var run = new TinyRun<double>(tiny);
        using LdifsObjective<double> paper = Ldifs(run, new(lambda)),
            released = Ldifs(run, new(lambda, Variant.AsReleased));
        var before = Outputs(run);
        Move(run, 1e-2);
        double[] ways = [.. before.Zip(Outputs(run), (a, b) => a.Zip(b, (x, y) => (x - y) * (x - y)).Sum())];
        double plain = run.Loss(), sum = lambda * ways.Sum() / tiny.Sequences.Count;
        Assert.Equal(plain + sum, Value(run, paper), Tolerance * (1 + plain + sum));
        double[] terms = [.. ways.Select(way => lambda / 2 * way)];
        if (terms.All(term => Math.Abs(term - LdifsObjective<double>.Gate) > 1e-9))
            Assert.Equal(
                plain + terms.Where(term => term < 0.1).Sum(), Value(run, released), Tolerance * (1 + plain + sum));
    }

    [Fact]
    public void As_released_ldifs_lets_a_layer_go_that_has_drifted_too_far()
    {
        using var run = new TinyRun<double>(new(Family.Llama, false, 2, 1, 2, 4, 17, new(6, 5, 4), Seed: 21));
        using LdifsObjective<double> held = Ldifs(run, new(1e-6, Variant.AsReleased)),
            gone = Ldifs(run, new(1e6, Variant.AsReleased));
        Move(run, 0.1);
        double plain = run.Loss();
        Assert.True(Value(run, held) > plain + 1e-9);
        Assert.Equal(plain, Value(run, gone), Tolerance * (1 + plain));
    }

    /// <summary>By sums over indices, whatever the layout: on GPT-2 weights are stored transposed.</summary>
    [Property]
    public void Asft_adds_what_of_the_update_lies_apart_from_the_alignment(TinyModel tiny)
    {
        const double Lambda = 0.3;
        using var before = new TinyRun<double>(tiny with { Adapted = false }, noise: 0.1);
        using var run = new TinyRun<double>(tiny);
        using var objective = new AsftObjective<double>(run.Objective, run.Model, before.Model, Lambda);
        var start = run.Network.Linears.ToDictionary(
            layer => layer.Name, layer => (Whole: Weight(layer, scaled: true), Update: Weight(layer, scaled: false)));
        Move(run, 0.1);
        double penalty = 0;
        foreach (var (layer, first) in run.Network.Linears.Zip(before.Network.Linears))
        {
            double[][] v = Minus(start[layer.Name].Whole, Weight(first, scaled: true));
            double[][] d = Minus(Weight(layer, scaled: false), start[layer.Name].Update);
            double norm = Math.Sqrt(v.Sum(row => row.Sum(x => x * x)));
            for (int i = 0; i < layer.Outputs; i++)
            {
                double[] c = [.. v.Select(other => other.Zip(v[i], (a, b) => a * b).Sum() / norm)];
                for (int j = 0; j < layer.Inputs; j++)
                {
                    double apart = d[i][j] - c.Select((value, k) => value * d[k][j]).Sum();
                    penalty += apart * apart;
                }
            }
        }

        double plain = run.Loss();
        Assert.True(penalty > 0);
        Assert.Equal(plain + (Lambda * penalty), Value(run, objective), Tolerance * (1 + plain + (Lambda * penalty)));
    }

    [Property]
    public void Where_training_begins_early_tokens_weigh_all_tokens_alike(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny with { Dropout = 0 });
        using var objective = new EarlyTokensObjective<double>(run.Network, run.Model.Trainable, new(), run.Device);
        double[] plain = run.GradientOf(new Plain<double>());
        var report = run.Step(new Plain<double>(), objective: objective);
        Assert.InRange(Numbers.Mix(1, plain, -1, run.Gradient).Norm(), 0, Tolerance * (1 + plain.Norm()));
        double[] terms = [.. Places(run.Batch).Select(place => 2 / Beta(place) * Math.Log(2))];
        Assert.Equal(terms.Average(), report.Loss, Tolerance * terms.Average());
    }

    /// <summary>-log p of each token alone, by the cross-entropy of a batch in which no other label counts.</summary>
    [Property]
    public void Early_tokens_are_their_equation_token_by_token(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var objective = new EarlyTokensObjective<double>(run.Network, run.Model.Trainable, new(), run.Device);
        double[] teacher = TokenLosses(run);
        Move(run, 0.1);
        double[] student = TokenLosses(run), gradient = new double[run.Weights.Length];
        int[] places = [.. Places(run.Batch)];
        double loss = 0;
        for (int i = 0; i < places.Length; i++)
        {
            double beta = Beta(places[i]), way = student[i] - teacher[i];
            loss += 2 / beta * Math.Log(1 + Math.Exp(beta * way)) / places.Length;
        }

        Assert.Equal(loss, Value(run, objective), Tolerance * (1 + loss));
        var alone = Alone(tiny).ToArray();
        for (int i = 0; i < places.Length; i++)
        {
            double weight = 2 / (1 + Math.Exp(-Beta(places[i]) * (student[i] - teacher[i]))) / places.Length;
            gradient = Numbers.Mix(1, gradient, weight, run.GradientOf(new Plain<double>(), alone[i]));
        }

        run.Step(new Plain<double>(), objective: objective);
        Assert.InRange(Numbers.Mix(1, gradient, -1, run.Gradient).Norm(), 0, Tolerance * (1 + gradient.Norm()));
    }

    /// <summary>The teacher's probabilities weigh the logarithms, not the model's: KL(teacher || model).</summary>
    [Property]
    public void Kl_is_that_of_the_teacher_to_the_model_over_the_counted_tokens(TinyModel tiny)
    {
        const double Lambda = 0.7;
        using var run = new TinyRun<double>(tiny);
        using var objective = new KlObjective<double>(
            run.Network, run.Model.Trainable, Lambda, Variant.Paper, run.Device);
        var teacher = LogProbabilities(run);
        Move(run, 0.2);
        var student = LogProbabilities(run);
        double divergence = teacher.Zip(student, (t, s) => t.Zip(s, (a, b) => Math.Exp(a) * (a - b)).Sum()).Average(),
            plain = run.Loss();
        Assert.True(divergence > 0);
        Assert.Equal(plain + (Lambda * divergence), Value(run, objective), Tolerance * (1 + plain + divergence));
    }

    [Fact]
    public void Settings_out_of_range_are_errors() => Assert.All(
        (ObjectiveOptions[])[new LdifsOptions(-1), new AsftOptions(double.NaN, "base"), new EarlyTokensOptions(0),
            new EarlyTokensOptions(EarlyBeta: -1), new EarlyTokensOptions(LaterBeta: double.PositiveInfinity),
            new EarlyTokensOptions(Early: 0)],
        options => Assert.StartsWith(
            "here.", Assert.Throws<InputException>(() => options.Validate("here")).Where, StringComparison.Ordinal));

    private static double Beta(int place) => place == 0 ? 0.5 : place < 5 ? 2 : 0.1;

    private static IEnumerable<int> Places(PackedBatch batch) => Enumerable.Range(0, batch.Sequences).SelectMany(s =>
        batch.CountedRows.Where(row => row >= batch.Offsets[s] && row < batch.Offsets[s + 1])
            .Select((_, place) => place));

    private static LdifsObjective<double> Ldifs(TinyRun<double> run, LdifsOptions options) =>
        new(run.Network, run.Model.Trainable, options, run.Device);

    /// <summary>The MLP outputs of each layer, sequence by sequence.</summary>
    private static double[][] Outputs(TinyRun<double> run)
    {
        double[][] outputs = [.. Enumerable.Range(0, run.Tiny.Layers).Select(_ => Array.Empty<double>())];
        using var tape = new Tape<double>(run.Device);
        foreach (var row in run.Tiny.Sequences)
        {
            var record = new Record<double>(SiteKind.MlpOutput);
            run.Network.Forward(new(tape, record), PackedBatch.Pack([row]));
            for (int i = 0; i < outputs.Length; i++)
                outputs[i] = [.. outputs[i], .. run.Read(record.Hidden[i].Value)];
            tape.Clear();
        }

        return outputs;
    }

    /// <summary>The logarithms of the probabilities at the rows that count, by sums over indices.</summary>
    private static double[][] LogProbabilities(TinyRun<double> run)
    {
        using var tape = new Tape<double>(run.Device);
        var hidden = run.Network.Forward(new(tape, new NoTap<double>()), run.Batch, outputRows: run.Batch.CountedRows);
        double[] logits = run.Read(tape.Apply(new Linear<double>(), [hidden, tape.Of(run.Network.Head)]).Value);
        return
        [
            .. logits.Chunk(logits.Length / run.Batch.Counted).Select(row =>
            {
                double sum = row.Max() + Math.Log(row.Sum(logit => Math.Exp(logit - row.Max())));
                return row.Select(logit => logit - sum).ToArray();
            }),
        ];
    }

    private static double Value(TinyRun<double> run, IObjective<double> objective)
    {
        double value = run.Read(objective.Loss(new(run.State.Tape, new NoTap<double>()), run.Batch).Value)[0];
        run.State.Tape.Clear();
        return value;
    }

    private static void Move(TinyRun<double> run, double size)
    {
        var random = run.Tiny.Random.At("move");
        run.Weights = [.. run.Weights.Select((weight, i) => weight + (size * random.Normal(i)))];
    }

    private static IEnumerable<PackedBatch> Alone(TinyModel tiny) =>
        from sequence in tiny.Sequences
        from at in Enumerable.Range(1, sequence.Labels.Length - 1)
        where sequence.Labels[at] != PackedBatch.Ignored
        select PackedBatch.Pack([sequence with { Labels = [.. sequence.Labels.Select((label, i) => i == at ? label : PackedBatch.Ignored)] }]);

    private static double[] TokenLosses(TinyRun<double> run) =>
        [.. Alone(run.Tiny).Select(batch => run.Loss(batch: batch))];

    /// <summary>
    /// A layer's weight as rows (out, in), with its adapter scaled; or what is counted as its update: B A alone where
    /// it has one.
    /// </summary>
    private static double[][] Weight(LinearLayer<double> layer, bool scaled)
    {
        double[] w = TinyRun<double>.Values(layer.Weight.Value);
        bool lies = layer.Layout == WeightLayout.OutIn;
        var pair = layer.Adapter;
        double[] a = pair is null ? [] : TinyRun<double>.Values(pair.A.Value),
            b = pair is null ? [] : TinyRun<double>.Values(pair.B.Value);
        int rank = pair?.A.Shape.Rows ?? 0;
        // TinyModel.Adapter: alpha 3, rank 2
        const double Scaling = 3.0 / 2;
        double At(int i, int j)
        {
            double product = Enumerable.Range(0, rank).Sum(r => b[(i * rank) + r] * a[(r * layer.Inputs) + j]);
            double weight = w[lies ? (i * layer.Inputs) + j : (j * layer.Outputs) + i];
            return scaled ? weight + (Scaling * product) : pair is null ? weight : product;
        }

        return [.. Enumerable.Range(0, layer.Outputs)
            .Select(i => Enumerable.Range(0, layer.Inputs).Select(j => At(i, j)).ToArray())];
    }

    private static double[][] Minus(double[][] a, double[][] b) =>
        [.. a.Zip(b, (x, y) => x.Zip(y, (p, q) => p - q).ToArray())];
}
