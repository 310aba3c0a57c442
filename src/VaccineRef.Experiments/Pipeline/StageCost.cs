using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>How much work a stage is, compared with others.</summary>
/// <param name="Work">Passes over sequences, times the size of the model.</param>
/// <param name="Measuring">Which share of it is the measuring at its end.</param>
internal readonly record struct StageCost(double Work, double Measuring)
{
    // to measure a model once takes about as long as to train on so many sequences
    private const double MeasuredAs = 400;

    /// <summary>The work of a stage.</summary>
    public static StageCost Of(StageNode node, StagePlan plan)
    {
        var shape = node.Recipe.Model.Shape(plan.Files.Folder);
        double once = node.Recipe.Evaluation is null ? 0 : MeasuredAs, training = 1;
        double measuring = once * (node.IsAttack ? 1 + node.Recipe.Evaluation?.CurvePoints ?? 1 : 1);
        if (node.Stage is TrainStageOptions stage)
        {
            var passes = stage.Rule.Passes();
            int steps = stage.Training.For(0).Steps(stage.Data.Examples() + (stage.MixedIn?.Count ?? 0));
            training += (passes.Forwards + passes.Reverses) / 2 * stage.Training.BatchSize * steps;
        }

        double passed = training + measuring;
        return new(passed * shape.Hidden * shape.Hidden * shape.Layers, once / passed);
    }

    /// <summary>The work of the longest chain of stages that begins with each, itself included.</summary>
    /// <param name="stages">The stages, each behind the one it begins with.</param>
    /// <param name="costs">What each costs.</param>
    public static IReadOnlyDictionary<string, double> Behind(
        IEnumerable<StageNode> stages, IReadOnlyDictionary<string, StageCost> costs)
    {
        var behind = new Dictionary<string, double>();
        foreach (var node in stages.Reverse())
        {
            double chain = costs[node.Hash].Work + behind.GetValueOrDefault(node.Hash);
            behind[node.Hash] = chain;
            if (node.Parent is { } parent)
                behind[parent.Hash] = Math.Max(behind.GetValueOrDefault(parent.Hash), chain);
        }

        return behind;
    }
}
