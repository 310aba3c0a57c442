using System.Globalization;
using System.Text.Json.Nodes;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Grid;

/// <summary>
/// One dimension of a grid: a value that has alternatives, or several values that change together under a name.
/// </summary>
/// <param name="Name">The key in the recipe: a path, or a name.</param>
/// <param name="Alternatives">What the values can be, at least one.</param>
public sealed record Axis(string Name, IReadOnlyList<Alternative> Alternatives)
{
    /// <summary>Whether all that the axis changes begins with one of some names.</summary>
    public bool IsWithin(params IReadOnlyCollection<string> heads) =>
        Alternatives.All(each => each.Values.All(value => heads.Contains(value.Path.Split('.')[0])))
        && Alternatives.Any(each => each.Values.Count > 0);

    /// <summary>Reads an axis from its key and value in a recipe.</summary>
    /// <exception cref="RecipeException">The value is neither a list nor an object of objects, or is empty.</exception>
    internal static Axis Of(string name, JsonNode? value, RecipeFormat format)
    {
        string where = $"$.grid.{name}";
        Alternative[] alternatives = value switch
        {
            JsonArray list =>
                [.. list.Select(item => new Alternative(AlternativeLabel.Of(name, item, format), [new(name, item)]))],
            JsonObject named when named.All(each => each.Value is JsonObject) =>
                [.. named.Select(each => new Alternative(
                    each.Key, [.. ((JsonObject)each.Value!).Select(set => new Assignment(set.Key, set.Value))]))],
            _ => throw new RecipeException(
                "an axis of the grid is of the wrong kind", where, value?.ToJsonString() ?? "null",
                "a list of values for a path, or an object of named alternatives, each an object of paths and values"),
        };
        if (alternatives.Length == 0)
            throw new RecipeException(
                "an axis of the grid has no alternatives", where, value?.ToJsonString(), "at least one");
        if (alternatives.GroupBy(each => each.Label).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new RecipeException(
                "two alternatives of the grid are one", where, twice.Key, "different alternatives");
        return new(name, alternatives);
    }
}

/// <summary>One alternative of an axis.</summary>
/// <param name="Label">What tables call it.</param>
/// <param name="Values">What it sets in the recipe; nothing leaves the recipe as it is.</param>
public sealed record Alternative(string Label, IReadOnlyList<Assignment> Values);

/// <summary>A value and the path that it is set at.</summary>
public sealed record Assignment(string Path, JsonNode? Value);

/// <summary>Names the alternatives of an axis that is a path.</summary>
internal static class AlternativeLabel
{
    /// <summary>A rule or an objective names itself; any other value stands behind the last key of its path.</summary>
    public static string Of(string path, JsonNode? value, RecipeFormat format)
    {
        string key = path[(path.LastIndexOf('.') + 1)..];
        return (key, value) switch
        {
            ("rule", JsonObject rule) when format.Part<RuleOptions>(rule) is { } known => known.Label(),
            ("objective", JsonObject objective) when format.Part<ObjectiveOptions>(objective) is { } known =>
                known.Label(),
            ("harmful_ratio", JsonValue number) when number.TryGetValue(out decimal share) =>
                $"{(100 * share).ToString("0.##", CultureInfo.InvariantCulture)} % harmful",
            ("samples", JsonValue number) => $"n = {number}",
            (_, JsonObject group) => string.Join(
                ", ", group.Select(each => each.Key == "kind" ? $"{each.Value}" : $"{each.Key} = {each.Value}")),
            _ => $"{key} = {value?.ToString() ?? "none"}",
        };
    }
}
