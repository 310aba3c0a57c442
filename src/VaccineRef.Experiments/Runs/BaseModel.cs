using System.Numerics;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Runs;

/// <summary>The model that a recipe begins with.</summary>
public static class BaseModel
{
    /// <summary>Loads it, its first adapter merged.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="folder">The folder that its paths are relative to.</param>
    /// <param name="device">Where to.</param>
    /// <exception cref="InputException">
    /// There is no such model, or one of the recipe's adapters does not fit it: found before anything is trained.
    /// </exception>
    public static Model<T> Load<T>(Recipe recipe, string folder, Device device) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var model = LanguageModel.Load<T>(Path.GetFullPath(Path.Combine(folder, recipe.Model)), device, recipe.Weights);
        try
        {
            if (recipe.Adapter is { } adapter)
            {
                Lora.Load(model, Path.GetFullPath(Path.Combine(folder, adapter)));
                model.MergeAdapter();
            }

            RequireAttachable(model, recipe.Alignment?.Lora);
            RequireAttachable(model, recipe.Attack is { Adapter: AttackAdapter.Fresh } attack ? attack.Lora : null);
            return model;
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Merges the adapter that is attached, if one is.</summary>
    internal static void MergeAdapter<T>(this Model<T> model) where T : unmanaged, IFloatingPointIeee754<T>
    {
        using var adapter = model.Adapter;
        adapter?.Merge();
    }

    /// <summary>Attaches an adapter and takes it off again.</summary>
    private static void RequireAttachable<T>(Model<T> model, LoraChoice? choice) where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (choice is null)
            return;
        Lora.Attach(model, choice.Config(), RandomStream.FromSeed(0));
        model.Adapter?.Dispose();
    }
}
