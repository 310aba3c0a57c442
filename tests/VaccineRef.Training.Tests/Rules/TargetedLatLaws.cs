using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>
/// Latent adversarial training with a target: the adversary works for harmful answers, and the model answers as it
/// should against it.
/// </summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 6)]
public sealed class TargetedLatLaws
{
    private const double Rate = 1e-3, AdamEpsilon = 1e-8;

    /// <summary>
    /// Adam's first step down the loss of the harmful answers, at the rows of the same prompts in the batch, and
    /// nowhere else.
    /// </summary>
    [Property]
    public void The_first_step_goes_down_the_loss_of_the_harmful_answers(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        var (rows, pairs) = Harmful(tiny);
        if (pairs.Count == 0)
            return;
        using var rule = new Lat<double>(new(1, Steps: 1, LearningRate: Rate, Targeted: true), run.Device);
        Step(run, rule, rows);
        var batch = PackedBatch.Pack([.. pairs.Select(pair => rows[pair.Row])]);
        double[][] gradients = run.SiteGradients(batch, SiteKind.MlpOutput);
        for (int site = 0; site < gradients.Length; site++)
        {
            int columns = gradients[site].Length / batch.Rows;
            double[] expected = new double[run.Batch.Rows * columns], found = TinyRun<double>.Values(rule.Attack[site]);
            foreach (var (i, pair) in pairs.Index())
                for (int at = 0; at < pair.Prompt * columns; at++)
                {
                    double g = gradients[site][(batch.Offsets[i] * columns) + at];
                    expected[(pair.First * columns) + at] = -Rate * g / (Math.Abs(g) + AdamEpsilon);
                }

            // the derivative of g / (|g| + 1e-8) is at most 1e8, and g is good to 1e-16
            Assert.All(expected.Zip(found), each => Assert.Equal(each.First, each.Second, Rate * 1e-6));
        }
    }

    [Property]
    public void The_gradient_is_the_slope_of_the_loss_of_the_batch_with_the_attack_held(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        var (rows, pairs) = Harmful(tiny);
        using var rule = new Lat<double>(new(0.3, Steps: 2, Targeted: true), run.Device);
        var (report, gradient) = Step(run, rule, rows);
        Assert.Equal(pairs.Count == 0, report.PerturbationNorm == 0);
        Assert.Null(report.CleanLoss);
        Slopes.Require(
            run, gradient, () => run.Loss(pairs.Count == 0 ? null : new Shift<double>(rule.Sites, rule.Attack)));
        foreach (var attack in rule.Attack)
            for (int row = 0; row < run.Batch.Rows; row++)
                Assert.InRange(
                    Math.Sqrt(attack.Row(row).ToArray().Sum(value => value * value)), 0,
                    pairs.Any(pair => row >= pair.First && row < pair.First + pair.Prompt) ? 0.3 * (1 + 1e-11) : 0);
    }

    /// <summary>
    /// Without a prompt that the stream has too, and without a learning rate, it is plain fine-tuning bit for bit.
    /// </summary>
    [Property]
    public void Where_nobody_is_attacked_it_is_plain(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        double[] plain = run.GradientOf(new Plain<double>());
        var (rows, _) = Harmful(tiny);
        using var none = new Lat<double>(new(1, Steps: 2, LearningRate: 0, Targeted: true), run.Device);
        Assert.Equal(plain, Step(run, none, rows).Gradient);
        using var rule = new Lat<double>(new(1, Steps: 2, Targeted: true), run.Device);
        // no prompt is as long
        TokenSequence[] others = [new([.. Enumerable.Repeat(1, 99)], [.. Enumerable.Repeat(-100, 98), 1])];
        Assert.Equal(plain, Step(run, rule, others).Gradient);
    }

    [Fact]
    public void It_asks_for_harmful_rows() =>
        Assert.Equal([StreamName.Harmful], new LatOptions(1, Targeted: true).Streams());

    private static (RuleReport Report, double[] Gradient) Step(
        TinyRun<double> run, Lat<double> rule, IReadOnlyList<TokenSequence> rows)
    {
        var streams =
            new Dictionary<string, BatchStream> { [StreamName.Harmful] = new(rows, 1, run.Tiny.Random.At("order")) };
        using var state = new TrainState<double>(run.Device, run.Model.Trainable, seed: 1) { Streams = streams };
        state.BeginStep();
        return (rule.Accumulate(run.Objective, run.Batch, state), run.Gradient);
    }

    /// <summary>
    /// To every second sequence that has an answer, another answer; with where its prompt stands in the batch.
    /// </summary>
    private static (IReadOnlyList<TokenSequence> Rows, IReadOnlyList<(int First, int Prompt, int Row)> Pairs) Harmful(
        TinyModel tiny)
    {
        // a row that stands for itself, unless a prompt is [1]
        var rows = new List<TokenSequence> { new([1, 2, 3], [-100, 2, 3]) };
        foreach (var (i, sequence) in tiny.Sequences.Index().Where(each => each.Index % 2 == 0))
        {
            int[] asked = Prompt(sequence), answer = [.. Enumerable.Range(0, 2)
                .Select(k => tiny.Random.At("answer").At(i).Below(tiny.Vocabulary, k))];
            if (asked.Length > 0 && Find(asked) < 0)
                rows.Add(new([.. asked, .. answer], [.. asked.Select(_ => -100), .. answer]));
        }

        int Find(int[] asked) => rows.FindIndex(row => Prompt(row).SequenceEqual(asked));
        var pairs = new List<(int, int, int)>();
        int first = 0;
        foreach (var sequence in tiny.Sequences)
        {
            int[] asked = Prompt(sequence);
            if (asked.Length > 0 && Find(asked) is >= 0 and var found)
                pairs.Add((first, asked.Length, found));
            first += sequence.Tokens.Length;
        }

        return (rows, pairs);
    }

    /// <summary>What stands before the first label that counts; nothing where none does.</summary>
    private static int[] Prompt(TokenSequence row) =>
        [.. row.Tokens.Take(Math.Max(0, Array.FindIndex(row.Labels, 1, label => label != -100)))];
}
