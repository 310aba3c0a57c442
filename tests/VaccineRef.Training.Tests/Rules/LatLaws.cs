using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Latent adversarial training: balls of tokens, and prompts alone.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 12)]
public sealed class LatLaws
{
    private const double RecomputeTolerance = 1e-11;

    [Property]
    public void Every_token_stays_in_its_ball_and_answers_are_not_attacked(TinyModel tiny, byte steps)
    {
        const double Radius = 0.1;
        using var run = new TinyRun<double>(tiny);
        using var rule = new Lat<double>(new(Radius, 1 + (steps % 4)), run.Device);
        run.Step(rule);
        Assert.Equal(tiny.Layers, rule.Attack.Count);
        bool[] prompt = Prompt(tiny);
        foreach (var attack in rule.Attack)
            for (int row = 0; row < run.Batch.Rows; row++)
            {
                double length = Math.Sqrt(attack.Row(row).ToArray().Sum(value => value * value));
                Assert.InRange(length, 0, prompt[row] ? Radius * (1 + RecomputeTolerance) : 0);
            }
    }

    /// <summary>Adam's first step is the learning rate times g / (|g| + 1e-8), for each number.</summary>
    [Property]
    public void The_first_step_is_that_of_adam_from_zero(TinyModel tiny)
    {
        const double Rate = 1e-3, AdamEpsilon = 1e-8;
        using var run = new TinyRun<double>(tiny);
        double[][] gradients = run.SiteGradients(kinds: SiteKind.MlpOutput);
        using var rule = new Lat<double>(new(1, Steps: 1, LearningRate: Rate), run.Device);
        run.Step(rule);
        bool[] prompt = Prompt(tiny);
        for (int site = 0; site < gradients.Length; site++)
        {
            double[] found = TinyRun<double>.Values(rule.Attack[site]);
            int columns = found.Length / prompt.Length;
            for (int i = 0; i < found.Length; i++)
            {
                double g = gradients[site][i];
                // the derivative of g / (|g| + 1e-8) is at most 1e8, and g is good to 1e-16
                Assert.Equal(prompt[i / columns] ? Rate * g / (Math.Abs(g) + AdamEpsilon) : 0, found[i], Rate * 1e-6);
            }
        }
    }

    [Property]
    public void Without_a_step_of_the_adversary_s_it_is_plain_and_with_one_the_loss_rises(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var none = new Lat<double>(new(1, Steps: 2, LearningRate: 0), run.Device);
        Assert.Equal(run.GradientOf(new Plain<double>()), run.GradientOf(none));
        using var small = new Lat<double>(new(1, Steps: 1, LearningRate: 1e-7), run.Device);
        var report = run.Step(small);
        Assert.InRange(report.Loss - report.CleanLoss!.Value, -RecomputeTolerance, double.PositiveInfinity);
    }

    [Property]
    public void Only_the_layers_that_are_named_are_attacked(TinyModel tiny)
    {
        tiny = tiny with { Layers = 3 };
        using var run = new TinyRun<double>(tiny);
        using var rule = new Lat<double>(
            new(0.2, 2, Layers: [0, 2], Sites: [SiteKind.AttentionOutput, SiteKind.BlockOutput]), run.Device);
        run.Step(rule);
        Assert.Equal(
            [
                new(0, SiteKind.AttentionOutput), new(0, SiteKind.BlockOutput), new Site(2, SiteKind.AttentionOutput),
                new(2, SiteKind.BlockOutput),
            ],
            rule.Sites);
    }

    /// <summary>Which tokens are not to be predicted, by their own labels; the first of a sequence never is.</summary>
    private static bool[] Prompt(TinyModel tiny) =>
        [.. tiny.Sequences.SelectMany(s => s.Labels.Select((label, t) => t == 0 || label == PackedBatch.Ignored))];
}
