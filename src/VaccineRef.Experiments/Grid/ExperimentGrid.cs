using System.Text.Json.Nodes;
using VaccineRef.Core;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Grid;

/// <summary>
/// One experiment of a grid. What its axes choose is sorted by what it changes: the model; the condition, which is how
/// the model was made and defended; and the attack.
/// </summary>
/// <param name="Seed">The seed.</param>
/// <param name="Model">What the model is called.</param>
/// <param name="Condition">What the condition is called: a row of the tables.</param>
/// <param name="Attack">What the attack is called: a column of the tables; null where the recipe has no attack.</param>
/// <param name="Recipe">The recipe with all choices made.</param>
public sealed record Trial(ulong Seed, string Model, string Condition, string? Attack, Recipe Recipe)
{
    /// <summary>Its place in the grid.</summary>
    internal (ulong Seed, string Model, string Condition, string? Attack) Cell => (Seed, Model, Condition, Attack);
}

/// <summary>
/// A recipe with its alternatives: a trial for every combination of one alternative of each axis and a seed. A recipe
/// without a grid is a grid of one trial.
/// </summary>
public sealed class ExperimentGrid
{
    private const string SeedKey = "seed";

    private readonly RecipeFormat _format;
    private readonly JsonObject _base;
    private readonly Axis[] _models, _conditions, _attacks;

    /// <summary>Sorts the axes of a recipe's grid.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="format">What recipes can name.</param>
    /// <exception cref="RecipeException">The grid is not one.</exception>
    public ExperimentGrid(Recipe recipe, RecipeFormat format)
    {
        (Recipe, _format) = (recipe, format);
        _base = format.ToJson(recipe with { Grid = null });
        var grid = recipe.Grid ?? [];
        Seeds = grid.TryGetPropertyValue(SeedKey, out var seeds) ? SeedList.Of(seeds) : [recipe.Seed];
        Axis[] axes = [.. grid.Where(each => each.Key != SeedKey)
            .Select(each => Axis.Of(each.Key, each.Value, format))];
        _models = [.. axes.Where(axis => axis.IsWithin("model"))];
        _attacks =
            [.. axes.Where(axis => axis.IsWithin(recipe.Report.Attack) || recipe.Report.Columns.Contains(axis.Name))];
        _conditions = [.. axes.Except(_models).Except(_attacks)];
    }

    /// <summary>The recipe that the grid belongs to.</summary>
    public Recipe Recipe { get; }

    /// <summary>The seeds.</summary>
    public IReadOnlyList<ulong> Seeds { get; }

    /// <summary>All trials: seed by seed, model by model, condition by condition.</summary>
    /// <exception cref="InputException">
    /// An alternative sets a value that does not exist or that does not fit.
    /// </exception>
    public IReadOnlyList<Trial> Trials() =>
    [
        .. from seed in Seeds
           from model in Combinations(_models)
           from condition in Combinations(_conditions)
           from attack in Combinations(_attacks)
           select Make(seed, model, condition, attack),
    ];

    /// <summary>The grid with other seeds.</summary>
    public ExperimentGrid With(IReadOnlyList<ulong> seeds)
    {
        var grid = (JsonObject)(Recipe.Grid?.DeepClone() ?? new JsonObject());
        grid[SeedKey] = string.Join(',', seeds);
        return new(Recipe with { Grid = grid }, _format);
    }

    /// <summary>A look at the machinery: the first seed, the first model, every condition, the last attack.</summary>
    public ExperimentGrid Quick()
    {
        var grid = (JsonObject)(Recipe.Grid?.DeepClone() ?? new JsonObject());
        foreach (var axis in _models.Concat(_attacks))
            grid[axis.Name] = One(grid[axis.Name]!, last: _attacks.Contains(axis));
        grid[SeedKey] = $"{Seeds[0]}";
        // An axis of which one alternative is left that changes nothing would no longer be seen to be one of attacks.
        var report = Recipe.Report with
        {
            Columns = [.. Recipe.Report.Columns.Union(_attacks.Select(axis => axis.Name))]
        };
        return new(Recipe with { Grid = grid, Report = report }, _format);
    }

    private static JsonNode One(JsonNode axis, bool last)
    {
        if (axis is JsonArray list)
            return new JsonArray(list[last ? ^1 : 0]?.DeepClone());
        var (name, value) = last ? ((JsonObject)axis).Last() : ((JsonObject)axis).First();
        return new JsonObject { [name] = value?.DeepClone() };
    }

    /// <summary>Every combination of one alternative of each axis; one empty combination of no axes.</summary>
    private static IEnumerable<Alternative> Combinations(IReadOnlyList<Axis> axes) => axes.Aggregate(
        (IEnumerable<Alternative>)[new Alternative("", [])],
        (before, axis) => from first in before
                          from second in axis.Alternatives
                          select new Alternative(
                              first.Label.Length == 0 ? second.Label : $"{first.Label}, {second.Label}",
                              [.. first.Values, .. second.Values]));

    private Trial Make(ulong seed, Alternative model, Alternative condition, Alternative attack)
    {
        var json = (JsonObject)_base.DeepClone();
        foreach (var (path, value) in model.Values.Concat(condition.Values).Concat(attack.Values))
            RecipePath.Assign(json, path, value, $"$.grid, {path}");
        json[SeedKey] = seed;
        var recipe = _format.Bind(json);
        string Or(string label, string otherwise) => label.Length > 0 ? label : otherwise;
        return new(
            seed, Or(model.Label, recipe.Model.Label()), Or(condition.Label, ConditionLabel(recipe)),
            recipe.Attack is null ? null : Or(attack.Label, recipe.Report.Attack), recipe);
    }

    /// <summary>
    /// The method of a recipe without a grid: the rules before the attack, and what the attack does besides
    /// cross-entropy.
    /// </summary>
    private static string ConditionLabel(Recipe recipe)
    {
        var before = recipe.Probed is { Skip: false } aligned ? aligned.Rule.Label() : "not aligned";
        var attack = recipe.Attack;
        return string.Join(" + ", new[]
        {
            before,
            attack is null or { Objective: Training.CrossEntropyOptions } ? null : attack.Objective.Label(),
            attack?.MixedIn is { } mixed ? $"{mixed.Count} rows of {mixed.From}" : null,
        }.OfType<string>());
    }
}
