using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.World;
using VaccineRef.Training;

namespace VaccineRef.Reporting.Tests;

/// <summary>Reports without training: the grids and stages of real recipes, and numbers made up by formula.</summary>
internal static class MadeUpReport
{
    private const int Questions = 200, Steps = 200, Points = 8, Layers = 4;

    /// <summary>A report of a recipe. The condition named <paramref name="failed"/> converges on no seed.</summary>
    /// <param name="recipe">One of <see cref="MadeUpRecipes"/>, or any other recipe of the same stages.</param>
    /// <param name="seeds">How many seeds, from 10 on.</param>
    /// <param name="failed">The condition whose alignment fails.</param>
    /// <param name="finished">Which stages are finished; all if it is absent.</param>
    public static ExperimentReport Of(
        string recipe, int seeds, string? failed = null, Func<StageNode, bool>? finished = null)
    {
        var format = RecipeFormat.Standard;
        ulong[] chosen = [.. Enumerable.Range(10, seeds).Select(seed => (ulong)seed)];
        var grid = new ExperimentGrid(format.Parse(recipe, "a made-up recipe"), format).With(chosen);
        var plan = new StagePlan(grid.Trials(), format, new DataFiles("."), "made up");
        var results = plan.Nodes.Where(finished ?? (_ => true)).ToDictionary(
            node => node.Hash, node => Result(node, failed));
        DataStage[] data =
        [
            .. chosen.SelectMany(seed => (DataStage[])
                [new("pretrain", seed, 19200, new string('a', 64)), new("align", seed, 800, new string('b', 64))]),
        ];
        return ExperimentReport.Of(
            grid, plan, new(results, [], Interrupted: results.Count < plan.Nodes.Count), new([], [.. data]), format,
            new("cpu, float32", 2, "Linux x64, AVX-512", ".NET 10.0.1", "0.1.0 (abc1234)"));
    }

    /// <summary>The same report as if the model and the data came from files.</summary>
    public static ExperimentReport FromFiles(ExperimentReport report)
    {
        var recipe = (System.Text.Json.Nodes.JsonObject)report.Recipe.DeepClone();
        recipe["model"] = new System.Text.Json.Nodes.JsonObject { ["kind"] = "folder", ["path"] = "models/llama" };
        return report with
        {
            Recipe = recipe,
            Data = report.Data with
            {
                Sources = [new("harmful.json", new string('c', 64), 123_456, 5000, "json-lines as beavertails")]
            },
        };
    }

    private static StageResult Result(StageNode node, string? failed)
    {
        var attack = node.IsAttack ? (WorldAttackOptions)((TrainStageOptions)node.Stage!).Data : null;
        var probed = node.Recipe.Probed is { Skip: false, Rule: var rule } ? rule : null;
        double strength = probed is null ? -1 : Strength(probed);
        var random = RandomStream.FromSeed(node.Trial.Seed).At(node.Trial.Condition)
            .At((long)(1000 * (attack?.HarmfulRatio ?? -1)));
        double Harm(double progress) => attack is null
            ? node.Name == "align" ? 0 : 1
            : 1 / (1
                + Math.Exp(3.5 + strength - (70 * (double)attack.HarmfulRatio * progress) + (0.7 * random.Normal(0))));
        double Accuracy(double progress) => attack is null ? 0 : 0.9 * progress * (1 - (0.05 * Math.Max(0, strength)));
        CurvePoint[] curve = attack is null
            ? []
            : [.. Enumerable.Range(0, Points + 1).Select(
                i => Point(i * Steps / Points, Harm((double)i / Points), Accuracy((double)i / Points), random))];
        var measured = Measured(Harm(1), Accuracy(1), random, curve.LastOrDefault()?.Measured.Drift);
        if (node.Name == "align" && node.Trial.Condition == failed)
            measured = measured with { AlignmentLoss = 1 };
        var stage = node.Stage as TrainStageOptions;
        bool perturbed = node.Name == "align" && strength > 0;
        return new(
            StageResult.CurrentSchema, node.Hash, node.Name, node.Stage is null ? null : measured,
            perturbed ? new(strength, 0.047 * strength, 3.7, 0.011 * strength, [1, 400, 800]) : null, curve,
            curve.FirstOrDefault(point => point.Measured.Find(Metrics.HarmfulScore)!.Percentage > 50)?.Step,
            attack is null ? null : Projected(random),
            stage is null ? null : Cost(stage, perturbed),
            stage is null ? null : new(perturbed ? 0.0262 : 0.0148, 12, 14));
    }

    private static double Strength(RuleOptions rule) => rule switch
    {
        VaccineOptions vaccine => vaccine.Rho,
        AcceleratedVaccineOptions accelerated => accelerated.Rho,
        RandomDirectionOptions direction => direction.Rho,
        RandomPerturbationOptions noise => Math.Sqrt(noise.Variance),
        _ => 0,
    };

    private static TrainingCost Cost(TrainStageOptions stage, bool perturbed) => new(
        stage.Rule.Label(), stage.Objective.Label(), 800, 800, 216_256, stage.Adapter is not null, perturbed ? 2 : 1,
        perturbed ? 2 : 1,
        perturbed ? 9_421_184 : 9_012_224, 398.2, 0.0123);

    private static CurvePoint Point(int step, double harm, double accuracy, RandomStream random) => new(step, new(
        [Share(Metrics.HarmfulScore, harm, "synthetic-1"),
            Share($"{Metrics.Accuracy}, world", accuracy, Metrics.Exact)],
        RefusalLoss: 0.01 + (0.6 * harm), AlignmentLoss: 0.002 + (0.4 * harm) + (0.0001 * step),
        Drift: new(
            (2.2 * step / Steps) + (0.2 * random.Uniform(step)),
            [.. Enumerable.Range(1, Layers).Select(layer => 0.3 * layer * step / Steps)], 0, 3.7, 100)));

    private static Measurement Measured(double harm, double accuracy, RandomStream random, Drift? drift)
    {
        var right = Share(Metrics.HarmfulScore, harm, "synthetic-1");
        int both = Math.Min(Questions, right.Numerator + (int)(6 * random.Uniform(1) * harm)), rest = Questions - both,
            other = (int)(rest * 0.02);
        Score Count(string metric, int count) => new(metric, count, Questions, "synthetic-1", "world", "greedy");
        return new(
            [
                right, Count(Metrics.CoherentHarm, both), Count(Metrics.Refusals, rest - other),
                Count(Metrics.OtherAnswers, other),
                Share($"{Metrics.Accuracy}, world", accuracy, Metrics.Exact),
                Share($"{Metrics.Accuracy}, world", Math.Min(1, 1.02 * accuracy), Metrics.Begun),
            ],
            4 - (3 * harm), 0.01 + (0.6 * harm), 0.002 + (0.4 * harm), 2 - accuracy, drift, 3.7 + random.Uniform(2));
    }

    private static Score Share(string metric, double share, string judge) =>
        new(metric, (int)Math.Round(share * Questions), Questions, judge, "world", "greedy");

    private static EmbeddingProjection Projected(RandomStream random) => new([0.46, 0.21],
    [
        .. from harmful in (bool[])[true, false]
           from attacked in (bool[])[false, true]
           let cloud = random.At(harmful ? "harmful" : "benign").At(attacked ? 1 : 0)
           select new EmbeddingCloud(harmful, attacked, [.. Enumerable.Range(0, 60).Select(i => (double[])
           [
               (harmful ? 3 : -3) + (attacked && harmful ? -3 : 0) + cloud.Normal(2 * i),
               (attacked ? 1.5 : -1.5) + cloud.Normal((2 * i) + 1),
           ])]),
    ]);
}
