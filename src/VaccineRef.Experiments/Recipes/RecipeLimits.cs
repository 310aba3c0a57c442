using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Models;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// What the values of a recipe have to satisfy beyond their types. Everything that can be known without a file is
/// checked here, so that no run ends after its alignment because its attack was misspelt.
/// </summary>
internal static class RecipeLimits
{
    private static readonly string[] TopLevel =
    [
        "name", "title", "model", "precision", "seed", "template", "system", "max_length", "boundary", "world",
        "stages", "evaluation", "grid", "report", "files", "checkpoint", "keep",
    ];

    private static readonly string[] Published =
        ["table-1", "table-2", "table-5", "table-6", "table-7", "table-8", "table-9", "table-10", "table-11"];

    /// <exception cref="Core.InputException">A value is out of its range, or two do not go together.</exception>
    public static void Require(Recipe recipe)
    {
        RequireName("$.name", recipe.Name, "a name for a folder, without separators");
        if (recipe.MaxLength < 2)
            throw RecipeException.OutOfRange("$.max_length", recipe.MaxLength, "at least 2");
        RequireTemplate("$", recipe.Template, recipe.System);
        if (recipe.System is not null && !PromptTemplate.IsChat(recipe.Template)
            && !OwnTemplates(recipe).Any(PromptTemplate.IsChat))
            throw NoPlace("$", recipe.Template);
        recipe.Model.Validate("$.model");
        recipe.World?.Validate();
        foreach (var (i, stage) in recipe.Stages.Index())
            Stage(recipe, stage, i, $"$.stages[{i}]");
        foreach (string kept in recipe.Keep.Stages.Where(name => recipe.Stages.All(stage => stage.Name != name)))
            throw RecipeException.Unknown(
                "the recipe has no such stage to keep", "$.keep.stages", kept,
                [.. recipe.Stages.Select(stage => stage.Name)]);
        recipe.Evaluation?.Validate("$.evaluation");
        RequireWorld(recipe);
        if (recipe.Report.Published.FirstOrDefault(name => !Published.Contains(name)) is { } table)
            throw RecipeException.Unknown(
                "the paper has no such table to show", "$.report.published", table, Published);
        if (recipe.Report.Convergence is { LeastRefused: not (null or >= 0 and <= 100) } convergence)
            throw RecipeException.OutOfRange(
                "$.report.convergence.least_refused", convergence.LeastRefused, "from 0 to 100");
    }

    /// <summary>
    /// Requires that a template exists, and that a system text that is given with it has a place in it.
    /// </summary>
    public static void RequireTemplate(string path, string? template, string? system)
    {
        if (template is not null && !PromptTemplate.IsChat(template) && !PromptTemplate.Ids.Contains(template))
            throw RecipeException.Unknown("unknown name", $"{path}.template", template, [.. PromptTemplate.Ids]);
        if (path != "$" && system is not null && template is not null && !PromptTemplate.IsChat(template))
            throw NoPlace(path, template);
    }

    private static IEnumerable<string> OwnTemplates(Recipe recipe) => recipe.Stages.OfType<TrainStageOptions>()
        .Select(stage => stage.Template)
        .Append((recipe.Evaluation as Evaluation.HeldOutOptions)?.Template).OfType<string>();

    private static RecipeException NoPlace(string path, string template) => new(
        "a system text has no place in this template", $"{path}.system", $"the template \"{template}\"",
        $"a chat template: {string.Join(", ", PromptTemplate.Ids.Where(PromptTemplate.IsChat))}",
        "remove the system text, or name a chat template");

    private static void Stage(Recipe recipe, StageOptions stage, int index, string path)
    {
        RequireName($"{path}.name", stage.Name, "a name for a folder, without separators or points");
        if (TopLevel.Contains(stage.Name) || recipe.Stages.Take(index).Any(before => before.Name == stage.Name))
            throw new RecipeException(
                "a stage's name is taken", $"{path}.name", stage.Name,
                "a name that no other stage and no key of the recipe has");
        stage.Validate(path);
        RequireReferences(recipe, stage, index, path);
        if (stage is EditStageOptions { Skip: false } && recipe.Model.Kept == WeightPrecision.Bf16)
            throw new RecipeException(
                "weights kept in bfloat16 cannot be edited", $"{path}.kind", stage.Name, "stages that train an adapter",
                "weights full");
        if (stage is not TrainStageOptions train)
            return;
        var earlier = recipe.Stages.Take(index).OfType<TrainStageOptions>().ToArray();
        if (train.NeedsReference && earlier.Length == 0)
            throw new RecipeException(
                "the objective looks at the data of the stage before, and there is none", $"{path}.objective",
                train.Objective.Label(),
                "a stage that trains before this one");
        if (train.MixedIn is { } mixed && earlier.All(each => each.Name != mixed.From))
            throw new RecipeException(
                "there is no such stage to mix in from", $"{path}.mixed_in.from", mixed.From,
                earlier.Length > 0
                    ? string.Join(", ", earlier.Select(each => each.Name))
                    : "a stage that trains before this one");
        if (train is { Adapter: SameAdapterOptions, Skip: false }
            && earlier.LastOrDefault(each => !each.Skip)?.Adapter is null)
            throw new RecipeException(
                "there is no adapter to train on", $"{path}.adapter", "same", "a stage with an adapter before this one",
                "a lora adapter");
        if (train is { Adapter: null, Skip: false } && recipe.Model.Kept == WeightPrecision.Bf16)
            throw new RecipeException(
                "weights kept in bfloat16 cannot be trained", $"{path}.adapter", "none", "an adapter in every stage",
                "weights full");
    }

    private static void RequireReferences(Recipe recipe, StageOptions stage, int index, string path)
    {
        string[] there = [StageNode.Given,
            .. recipe.Stages.Take(index).Where(each => stage.Skip || !each.Skip).Select(each => each.Name)];
        foreach (string name in stage.References().Where(name => !there.Contains(name)))
            throw new RecipeException(
                "there is no such stage whose weights could be looked at", path, name, string.Join(", ", there),
                "name an earlier stage that is not skipped, or skip this one");
    }

    private static void RequireWorld(Recipe recipe)
    {
        bool needed = recipe.Evaluation?.NeedsWorld() == true || recipe.Stages.Any(stage => stage.NeedsWorld);
        if (needed && recipe.World is null)
            throw new RecipeException(
                "the synthetic world is used and not described", "$.world", "nothing",
                "an object; {} for the defaults");
    }

    private static void RequireName(string path, string name, string expected)
    {
        if (name is "" or "." or ".." || name.AsSpan().IndexOfAny('/', '\\', '\0') >= 0 || name.Any(char.IsControl)
            || (path != "$.name" && name.Contains('.', StringComparison.Ordinal)))
            throw new RecipeException("a value is out of its range", path, name, expected);
    }
}
