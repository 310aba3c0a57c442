using VaccineRef.Experiments.Recipes;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Lab;

/// <summary>A recipe as a preset: its methods and defenses as rows, its p and n as columns, its model as the only size.</summary>
public static class RecipeGrid
{
    private const string Plain = "plain", Place = "$.lab.methods";

    /// <summary>The preset. Its primary comparison is the first method that perturbs, against the plain alignment.</summary>
    /// <exception cref="InputException">There is nothing to compare, or two rows are one.</exception>
    public static LabPreset Of(RecipeLab lab)
    {
        var recipe = lab.Recipe;
        var grid = recipe.Lab ?? new();
        MethodChoice[] methods = grid.Methods.Count > 0 ? [.. grid.Methods] : [new(), recipe.Alignment!.Method];
        var defended = grid.Defenses.Select(defense => LabArm.Sft with { Name = $"SFT + {defense}", Defense = defense });
        LabArm[] arms = [.. methods.Select(LabArm.Of).Concat(defended).Select(arm => arm with { Adapters = lab.Adapters })];
        if (arms.GroupBy(arm => arm.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new InputException("a row of the lab is named twice", Place, twice.Key, "different methods");
        var control = arms.FirstOrDefault(arm => arm is { Method.Rule: Plain, Defense: null })
            ?? throw new InputException(
                "there is nothing to compare with", Place, string.Join(", ", methods.Select(method => method.Rule)), "plain among them");
        var first = arms.FirstOrDefault(arm => arm is { Method: { Rule: "vaccine" or "accelerated_vaccine" } })
            ?? arms.FirstOrDefault(arm => arm != control)
            ?? throw new InputException("there is nothing to compare", Place, Plain, "another method beside it");
        LabAttack[] attacks = [.. RecipeLab.Attacks(recipe).Select(attack => new LabAttack(attack.HarmfulRatio, attack.Samples))];
        return new(
            recipe.Name, "", string.Join("; ", arms.Select(arm => arm.Name)), arms, attacks, [Size(lab)],
            new(first.Name, control.Name, [.. attacks.Where(attack => attack.HarmfulRatio > 0)]));
    }

    /// <summary>What all its cells share.</summary>
    public static LabSettings Settings(RecipeLab lab)
    {
        var grid = lab.Recipe.Lab ?? new();
        return new()
        {
            Synthetic = null,
            Recipe = lab,
            Convergence = new(grid.MostLoss, grid.LeastRefused, grid.MostLoss),
            CurvePoints = grid.CurvePoints,
            ProjectedRatio = RecipeLab.Attacks(lab.Recipe).Max(attack => attack.HarmfulRatio),
        };
    }

    private static LabSize Size(RecipeLab lab)
    {
        string folder = Path.GetFullPath(Path.Combine(lab.Folder, lab.Recipe.Model));
        var shape = LanguageModel.ShapeOf(folder);
        return new(Path.GetFileName(folder.TrimEnd(Path.DirectorySeparatorChar)), shape.Hidden, shape.Layers, shape.Heads);
    }
}
