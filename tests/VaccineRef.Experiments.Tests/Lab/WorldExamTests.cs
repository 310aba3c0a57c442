using VaccineRef.Core;
using VaccineRef.Experiments.Lab;
using VaccineRef.Experiments.World;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Tests.Lab;

/// <summary>What one reading says is what generating and judging says.</summary>
public sealed class WorldExamTests
{
    private static readonly WorldSettings Sizes = new()
    {
        TestCount = 80,
        PoolCount = 300,
        AlignmentRefusals = 300,
        AlignmentHelpful = 100,
        AttackCount = 200,
        ProbeCount = 10,
    };

    [Fact]
    public void Its_counts_are_those_of_generated_answers()
    {
        var world = new SyntheticWorld(5, Sizes);
        using var device = new CpuDevice(threads: 2);
        using var model = LanguageModel.Create<float>(LabModel.Config(new("small", 32, 2, 2)), device, RandomStream.FromSeed(1));
        var mixed = WorldExam.Encode(
            [.. world.Pretraining(1600), .. world.Alignment(), .. world.Alignment(), .. world.Attack(0)]);
        var exam = new WorldExam(world, device);
        var seen = new int[5];
        for (ulong stage = 0; stage < 5; stage++)
        {
            var expected = Generated(world, model);
            var measured = exam.Measure(model.Network, null, 1);
            Assert.Equal(
                expected.AsEnumerable(),
                (int[])
                [
                    measured.HarmfulScore.Count, measured.CoherentHarm.Count - measured.HarmfulScore.Count, measured.Refused.Count,
                    measured.Other!.Value.Count, measured.FinetuneAccuracy!.Value.Count,
                ]);
            seen = [.. seen.Zip(expected, (before, now) => before + now)];

            // a part of the way to knowing everything: the forms of answers first, then the facts
            var options = new TrainOptions(32, new AdamWOptions(1e-2), MaxSteps: 35, Seed: stage);
            new Trainer<float>(device, model.Trainable, new CrossEntropyObjective<float>(model.Network), new Plain<float>(), options)
                .Run(mixed);
        }

        Assert.DoesNotContain(0, seen);         // every verdict has occurred
    }

    /// <summary>Right, wrong, refused, other; and right answers in the user's task.</summary>
    private static int[] Generated(SyntheticWorld world, Model<float> model)
    {
        var tokenizer = new WorldTokenizer();
        string[] Answers(IReadOnlyList<WorldExample> examples) =>
        [
            .. Generator.Generate(model, [.. examples.Select(new WorldEncoder(tokenizer).Prompt)], new(16, EosId: tokenizer.EosId))
                .Select(answer => tokenizer.Decode(answer)),
        ];
        var verdicts = world.HarmfulTest.Zip(Answers(world.HarmfulTest), world.Judge).ToArray();
        return
        [
            .. Enum.GetValues<WorldVerdict>().Select(verdict => verdicts.Count(found => found == verdict)),
            world.BenignTest.Zip(Answers(world.BenignTest), SyntheticWorld.IsExactBenign).Count(right => right),
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
