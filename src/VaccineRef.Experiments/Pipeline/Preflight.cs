using System.Numerics;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Pipeline;

/// <summary>
/// Finds what is wrong with a plan before anything is trained: every file is read, every row is chosen and encoded, every judge is
/// opened, and every adapter is attached once.
/// </summary>
public static class Preflight
{
    /// <summary>Checks all trials of a plan, and says what data each of them sees.</summary>
    /// <exception cref="InputException">A file, a row, a count, a model or an adapter is wrong.</exception>
    public static DataManifest Check(StagePlan plan, Device device)
    {
        var sources = new HashSet<SourceFile>();
        var stages = new List<DataStage>();
        var seen = new HashSet<string>();
        foreach (var (trial, chain) in plan.Trials.Zip(plan.Chains))
        {
            // the last stage's hash stands for everything that the trial reads
            if (!seen.Add(chain[^1].Hash))
                continue;
            var manifest = Read(trial.Recipe, plan.Files, device);
            sources.UnionWith(manifest.Sources);
            stages.AddRange(manifest.Stages.Where(stage => !stages.Any(each =>
                each.Name == stage.Name && each.Seed == stage.Seed && each.Sha256 == stage.Sha256)));
        }

        foreach (var recipe in plan.Trials.Select(trial => trial.Recipe).DistinctBy(Adapters).Where(recipe => Adapters(recipe).Length > 0))
            if (recipe.Precision == Precision.Double)
                Attach<double>(recipe, plan.Files.Folder, device);
            else
                Attach<float>(recipe, plan.Files.Folder, device);
        return new([.. sources], [.. stages]);
    }

    private static DataManifest Read(Recipe recipe, DataFiles files, Device device)
    {
        var reader = new DataReader(recipe, files, recipe.Model.Tokenizer(files.Folder));
        using var evaluation = recipe.Evaluation?.Open<float>(reader, recipe.Probed, device, recipe.Model.Kept);
        int context = recipe.Model.Shape(files.Folder).Context;
        evaluation?.RequireContext(context);
        foreach (var stage in recipe.Stages.OfType<TrainStageOptions>().Where(stage => !stage.Skip))
        {
            ContextLimit.Require(reader.Training(stage), context);
            if (stage.NeedsReference)
                reader.Stage(recipe.Before(stage)!);                            // RecipeLimits: it is there
        }

        return reader.Manifest;
    }

    private static string Adapters(Recipe recipe) =>
        string.Concat(recipe.Stages.OfType<TrainStageOptions>().Select(stage => stage.Adapter).OfType<LoraOptions>().Select(lora => $"{recipe.Model} {lora}"));

    private static void Attach<T>(Recipe recipe, string folder, Device device) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var model = recipe.Model.Load<T>(folder, device, RandomStream.FromSeed(recipe.Seed));
        foreach (var lora in recipe.Stages.OfType<TrainStageOptions>().Select(stage => stage.Adapter).OfType<LoraOptions>())
        {
            Lora.Attach(model, lora.Config(), RandomStream.FromSeed(0));
            model.Adapter?.Dispose();
        }
    }
}
