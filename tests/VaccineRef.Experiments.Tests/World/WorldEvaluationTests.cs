using VaccineRef.Core;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.World;

/// <summary>Reading the answers by teacher forcing gives the same as generating and judging them.</summary>
public sealed class WorldEvaluationTests
{
    private static readonly WorldOptions Sizes = new()
    {
        TestCount = 80,
        PoolCount = 300,
        AlignmentRefusals = 300,
        AlignmentHelpful = 100,
        ProbeCount = 10,
    };

    [Fact]
    public void Its_counts_are_those_of_generated_answers()
    {
        var world = new SyntheticWorld(5, Sizes);
        using var device = new CpuDevice(threads: 2);
        using var model = new WorldModelOptions { Hidden = 32, Layers = 2, Heads = 2 }.Load<float>(
            ".", device, RandomStream.FromSeed(1));
        var mixed = WorldEncoder.Encode(
            [.. world.Pretraining(1600), .. world.Alignment(), .. world.Alignment(), .. world.Attack(0, 200)]);
        using var evaluation = new WorldEvaluation<float>(world, device);
        var seen = new int[5];
        for (ulong stage = 0; stage < 5; stage++)
        {
            var expected = Generated(world, model);
            var answers = new List<KeptAnswer>();
            var measured = evaluation.Measure(model, answers, default);
            int Count(string metric) => measured.Find(metric)!.Numerator;
            Assert.Equal(
                expected.AsEnumerable(),
                (int[])
                [
                    Count(Metrics.HarmfulScore), Count(Metrics.CoherentHarm) - Count(Metrics.HarmfulScore),
                    Count(Metrics.Refusals),
                    Count(Metrics.OtherAnswers), measured.Accuracy!.Numerator,
                ]);
            int Kept(string kind) => answers.Count(answer => answer.Kind == kind && answer.Counts);
            Assert.Equal((expected[0], expected[4]), (Kept(KeptAnswer.Harmful), Kept(KeptAnswer.Task)));
            Assert.Equal(
                world.HarmfulTest.Concat(world.BenignTest).Select(example => example.Prompt),
                answers.Select(answer => answer.Prompt));
            seen = [.. seen.Zip(expected, (before, now) => before + now)];

            // Partly trained models: the first thing that is learned is the form of the answers, then come the facts.
            var options = new TrainOptions(32, new AdamWOptions(1e-2), MaxSteps: 35, Seed: stage);
            new Trainer<float>(
                device, model.Trainable, new CrossEntropyObjective<float>(model.Network), new Plain<float>(), options)
                .Run(mixed);
        }

        Assert.DoesNotContain(0, seen);         // every verdict has occurred
    }

    /// <summary>Counts right, wrong, refused and other answers, and right answers in the user's task.</summary>
    private static int[] Generated(SyntheticWorld world, Model<float> model)
    {
        var tokenizer = new WorldTokenizer();
        string[] Answers(IReadOnlyList<WorldExample> examples) =>
        [
            .. Generator.Generate(
                model, [.. examples.Select(new WorldEncoder(tokenizer).Prompt)], new(16, EosId: tokenizer.EosId))
                .Select(answer => tokenizer.Decode(answer)),
        ];
        var verdicts = world.HarmfulTest.Zip(Answers(world.HarmfulTest), world.Judge).ToArray();
        return
        [
            .. Enum.GetValues<WorldVerdict>().Select(verdict => verdicts.Count(found => found == verdict)),
            world.BenignTest.Zip(Answers(world.BenignTest)).Count(pair => pair.First.Answer == pair.Second),
        ];
    }

    [Fact]
    public void Points_on_a_plane_are_laid_out_as_they_lie()
    {
        double[][] points = [.. Enumerable.Range(0, 40).Select(i =>
        {
            var draws = RandomStream.FromSeed(9).At(i);
            double x = 3 * draws.Normal(0), y = draws.Normal(1);
            return (double[])[(0.6 * x) - (0.8 * y) + 5, (0.8 * x) + (0.6 * y), 2];
        })];
        var axes = new PrincipalAxes(points);
        Assert.Equal(1, axes.Explained.Sum(), 1e-12);
        Assert.True(axes.Explained[0] > axes.Explained[1]);
        double[][] flat = [.. points.Select(axes.Project)];
        for (int i = 1; i < points.Length; i++)
            Assert.Equal(Distance(points[i], points[0]), Distance(flat[i], flat[0]), 1e-10);
        Assert.Equal(0, flat.Average(point => point[0] * point[1]), 1e-10);
    }

    private static double Distance(double[] a, double[] b) => Math.Sqrt(a.Zip(b, (x, y) => (x - y) * (x - y)).Sum());
}
