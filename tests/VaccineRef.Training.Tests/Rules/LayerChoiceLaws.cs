using VaccineRef.Core;
using VaccineRef.Laws;
using VaccineRef.Models;

namespace VaccineRef.Training.Tests.Rules;

/// <summary>Which layers are chosen, and what becomes of the others: T-Vaccine, its control, and OASIS.</summary>
[Properties(Arbitrary = [typeof(TinyModelArbitrary)], MaxTest = 12)]
public sealed class LayerChoiceLaws
{
    private const double Guard = 1e-7, RecomputeTolerance = 1e-11;

    /// <summary>n draws of a share p: the standard error is sqrt(p (1 - p) / n).</summary>
    private const int Draws = 20_000;

    private const double Sigmas = 5;

    [Fact]
    public void One_layer_is_drawn_as_often_as_its_score_says()
    {
        double[] scores = [1, 0, 4, 2, 0.5];
        double[] shares = Frequencies(scores, 1);
        for (int layer = 0; layer < scores.Length; layer++)
            RequireShare(scores[layer] / scores.Sum(), shares[layer]);
        Assert.Equal(0, shares[1]);
    }

    /// <summary>
    /// The second layer by what the first has left: P(i, j) = p_i p_j / (1 - p_i) + p_j p_i / (1 - p_j).
    /// </summary>
    [Fact]
    public void Two_layers_are_drawn_one_after_the_other_without_replacement()
    {
        double[] p = [0.5, 0.3, 0.2];
        double Pair(int i, int j) => (p[i] * p[j] / (1 - p[i])) + (p[j] * p[i] / (1 - p[j]));
        double[] shares = Frequencies(p, 2);
        RequireShare(Pair(0, 1) + Pair(0, 2), shares[0]);
        RequireShare(Pair(0, 1) + Pair(1, 2), shares[1]);
        RequireShare(Pair(0, 2) + Pair(1, 2), shares[2]);
    }

    [Property(MaxTest = 100)]
    public void Layers_are_distinct_ascending_and_as_many_as_asked_for(byte layers, byte count, ulong seed)
    {
        int most = 1 + (layers % 12), asked = 1 + (count % most);
        var random = RandomStream.FromSeed(seed);
        double[] scores = [.. Enumerable.Range(0, most).Select(i => random.Below(3, i) == 0 ? 0 : random.Uniform(i))];
        int[] drawn = LayerChoice.Sample(scores, asked, random.At(1)), top = LayerChoice.Top(scores, asked);
        foreach (int[] chosen in (int[][])[drawn, top])
        {
            Assert.Equal(asked, chosen.Distinct().Count(layer => layer >= 0 && layer < most));
            Assert.Equal(chosen.Order(), chosen);
        }

        Assert.True(top.Min(layer => scores[layer]) >= Enumerable.Range(0, most).Except(top)
            .Select(layer => scores[layer]).DefaultIfEmpty(0).Max());
        int scoring = scores.Count(score => score > 0);
        // what scores 0 only when nothing else is left
        Assert.Equal(Math.Min(asked, scoring), drawn.Count(layer => scores[layer] > 0));
        Assert.Throws<InputException>(() => LayerChoice.Sample(scores, most + 1, random));
        Assert.Throws<InputException>(() => LayerChoice.Top(scores, 0));
    }

    [Property]
    public void The_probabilities_are_those_of_the_harmful_gradients(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var rule = new TVaccine<double>(new(0.5, 1), run.Device);
        run.Step(rule);
        double[] norms = [.. run.SiteGradients(run.Stream(StreamName.Harmful).Next()).Select(layer => layer.Norm())];
        Assert.Equal(tiny.Layers, rule.Probabilities.Count);
        for (int layer = 0; layer < norms.Length; layer++)
            Assert.Equal(norms[layer] / norms.Sum(), rule.Probabilities[layer], RecomputeTolerance);
    }

    [Property]
    public void The_ball_is_that_of_the_chosen_layers_alone(TinyModel tiny)
    {
        const double Rho = 0.6;
        tiny = tiny with { Layers = 3 };
        using var run = new TinyRun<double>(tiny);
        using var rule = new TVaccine<double>(new(Rho, 2), run.Device);
        var report = run.Step(rule);
        double[][] gradients = run.SiteGradients();
        double norm = PerturbationLaws.Flat([.. rule.Chosen.Select(layer => gradients[layer])]).Norm();
        Assert.Equal(rule.Chosen, rule.Epsilon.Sites.Select(site => site.Layer));
        Assert.Equal(Rho * norm / (norm + Guard), report.PerturbationNorm, RecomputeTolerance);
        for (int i = 0; i < rule.Chosen.Count; i++)
        {
            double[] expected = [.. gradients[rule.Chosen[i]].Select(g => Rho * g / (norm + Guard))];
            double[] found = TinyRun<double>.Values(rule.Epsilon.Epsilon[i]);
            Assert.InRange(Numbers.Mix(1, expected, -1, found).Norm(), 0, RecomputeTolerance);
        }
    }

    [Property]
    public void With_every_layer_chosen_it_is_vaccine_bit_for_bit(TinyModel tiny)
    {
        using var run = new TinyRun<double>(tiny);
        using var vaccine = run.Vaccine(0.8, dropout: PassDropout.Shared);
        using var tVaccine = new TVaccine<double>(new(0.8, tiny.Layers), run.Device);
        using var layers = new RandomLayers<double>(new(0.8, tiny.Layers), run.Device);
        var expected = run.Step(vaccine);
        double[] gradient = run.Gradient;
        foreach (IGradientRule<double> rule in (IGradientRule<double>[])[tVaccine, layers])
        {
            Assert.Equal(expected, run.Step(rule));
            Assert.Equal(gradient, run.Gradient);
        }
    }

    /// <summary>The other layers keep every bit, whatever momentum and decay would do with them.</summary>
    [Property]
    public void Layers_that_are_not_chosen_keep_their_bits(TinyModel tiny)
    {
        tiny = tiny with { Layers = 3 };
        using var run = new TinyRun<double>(tiny);
        RuleOptions[] rules =
        [
            new TVaccineOptions(0.5, 1, ResampleEvery: 1), new RandomLayersOptions(0.5, 2, ResampleEvery: 1),
            new OasisOptions(0.5, 1, ProbeEvery: 1),
        ];
        foreach (var options in rules)
        {
            var rule = options.Make<double>(run.Device);
            using var disposable = rule as IDisposable;
            using var step = new TrainStep<double>(
                run.Model.Trainable, run.Objective, rule, new(new AdamWOptions(1e-3, WeightDecay: 0.1)), run.Device,
                run.Streams);
            var seen = new HashSet<int>();
            for (int i = 0; i < 6; i++)
            {
                double[][] before = Values(run);
                step.Run(run.Batch);
                IReadOnlyList<int> chosen = rule switch
                {
                    TVaccine<double> sampled => sampled.Chosen,
                    RandomLayers<double> random => random.Chosen,
                    _ => ((Oasis<double>)rule).Chosen,
                };
                seen.UnionWith(chosen);
                foreach (var (parameter, old, now) in run.Model.Trainable.Zip(before, Values(run)))
                {
                    bool held = BlockNumber.Of(parameter.Name) is { } layer && !chosen.Contains(layer);
                    Assert.Equal(held, step.State.IsHeld(parameter));
                    Assert.True(
                        held == old.AsSpan().SequenceEqual(now) || !held, $"{options.Label()}: {parameter.Name}");
                    if (held)
                        Assert.All(TinyRun<double>.Values(parameter.Gradient), value => Assert.Equal(0, value));
                }
            }
        }
    }

    /// <summary>
    /// The attention of other layers is held; their MLP is only below the first chosen one, and only of an adapter.
    /// </summary>
    [Property]
    public void As_released_the_mlp_of_other_layers_is_trained(TinyModel tiny)
    {
        tiny = tiny with { Layers = 3 };
        using var run = new TinyRun<double>(tiny);
        using var rule = new TVaccine<double>(new(0.5, 1, Variant: Variant.AsReleased), run.Device);
        run.Step(rule);
        int only = rule.Chosen[0];
        foreach (var parameter in run.Model.Trainable)
        {
            bool attention = parameter.Name.Contains("attn.", StringComparison.Ordinal);
            bool held = BlockNumber.Of(parameter.Name) is { } layer && layer != only
                && (attention || (tiny.Adapted && layer < only));
            Assert.Equal(held, run.State.IsHeld(parameter));
        }
    }

    /// <summary>
    /// Only the layers that are chosen, and the last one, keep what the reverse pass reads; the bits are the same.
    /// </summary>
    [Property]
    public void Computing_other_layers_again_takes_less_memory_and_gives_the_same_bits(TinyModel tiny)
    {
        tiny = tiny with { Layers = 6, Dropout = tiny.Adapted ? 0.3 : 0 };
        (double[] Gradient, RuleReport Report, long Peak) Step(Variant variant, bool recompute)
        {
            using var run = new TinyRun<double>(tiny);
            using var rule = new TVaccine<double>(new(0.5, 2, Variant: variant, Recompute: recompute), run.Device);
            var report = run.Step(rule);
            return (run.Gradient, report, run.State.Tape.Activations.Peak);
        }

        foreach (var variant in Enum.GetValues<Variant>())
        {
            var (kept, again) = (Step(variant, recompute: false), Step(variant, recompute: true));
            Assert.Equal(kept.Gradient, again.Gradient);
            Assert.Equal(kept.Report, again.Report);
            Assert.True(again.Peak < kept.Peak, $"{again.Peak} of {kept.Peak}");
        }
    }

    [Fact]
    public void Every_J_steps_layers_are_drawn_and_every_K_steps_the_harmful_data_is_looked_at()
    {
        using var run = new TinyRun<double>(new(Family.Llama, false, 6, 1, 1, 4, 17, new(5, 4, 3), Seed: 3));
        using var rule = new TVaccine<double>(new(0.5, 3, ResampleEvery: 2, ProbeEvery: 4), run.Device);
        using var state = new TrainState<double>(run.Device, run.Model.Trainable, seed: 1)
        {
            Streams = new Dictionary<string, BatchStream>
            {
                [StreamName.Harmful] = new(run.Tiny.Other(StreamName.Harmful), batchSize: 1, run.Tiny.Random),
            },
        };
        List<(int[] Chosen, double[] P)> steps = [];
        for (int i = 0; i < 8; i++)
        {
            state.BeginStep();
            rule.Accumulate(run.Objective, run.Batch, state);
            steps.Add(([.. rule.Chosen], [.. rule.Probabilities]));
        }

        for (int i = 1; i < 8; i++)
        {
            Assert.Equal(i % 4 != 0, steps[i].P.SequenceEqual(steps[i - 1].P));
            Assert.True(i % 2 == 0 || steps[i].Chosen.SequenceEqual(steps[i - 1].Chosen));
        }

        Assert.True(steps.Select(step => string.Join(' ', step.Chosen)).Distinct().Count() > 1);
    }

    [Fact]
    public void More_layers_than_there_are_and_an_adapter_elsewhere_are_errors()
    {
        using var run = new TinyRun<double>(new(Family.Llama, false, 2, 1, 1, 4, 17, new(5, 4, 3), Seed: 3));
        using var many = new TVaccine<double>(new(0.5, 3), run.Device);
        Assert.Contains("3", Assert.Throws<InputException>(() => run.Step(many)).Message, StringComparison.Ordinal);
        using var missing = new Lat<double>(new(0.5, 1, Layers: [0, 2]), run.Device);
        Assert.Contains("2", Assert.Throws<InputException>(() => run.Step(missing)).Message, StringComparison.Ordinal);
    }

    private static double[][] Values(TinyRun<double> run) =>
        [.. run.Model.Trainable.Select(parameter => TinyRun<double>.Values(parameter.Value))];

    private static double[] Frequencies(double[] scores, int count)
    {
        var random = RandomStream.FromSeed(8);
        double[] shares = new double[scores.Length];
        for (int draw = 0; draw < Draws; draw++)
            foreach (int layer in LayerChoice.Sample(scores, count, random.At(draw)))
                shares[layer] += 1.0 / Draws;
        return shares;
    }

    private static void RequireShare(double expected, double found) =>
        Assert.Equal(expected, found, Sigmas * Math.Sqrt(expected * (1 - expected) / Draws) + 1e-12);
}
