using System.Text.Json;
using System.Text.Json.Nodes;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// Names a value of a recipe: keys with points between them. A path begins with a key of the recipe, as in
/// "evaluation.judge", or with the name of a stage, as in "align.rule.rho".
/// </summary>
internal static class RecipePath
{
    /// <summary>
    /// Sets the value that "path=value" names; the value is JSON, or plain text that needs no quotes.
    /// </summary>
    /// <exception cref="RecipeException">
    /// There is no value, or the path goes through something that is no object.
    /// </exception>
    public static void Assign(JsonObject recipe, string assignment)
    {
        int equals = assignment.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
            throw new RecipeException(
                "an override has no value", $"--set {assignment}", expected: "key=value, such as align.rule.rho=1");
        Assign(recipe, assignment[..equals], Value(assignment[(equals + 1)..]), $"--set {assignment}");
    }

    /// <summary>Sets the value at a path; objects that are missing on the way are made.</summary>
    /// <exception cref="RecipeException">The path goes through something that is no object.</exception>
    public static void Assign(JsonObject recipe, string path, JsonNode? value, string where)
    {
        string[] keys = path.Split('.');
        var at = Stage(recipe, keys[0]) is { } stage && keys.Length > 1 ? stage : recipe;
        foreach (string key in keys[(at == recipe ? 0 : 1)..^1])
        {
            if (at[key] is not (null or JsonObject))
                throw new RecipeException("a path goes through a value that is no object", where, key);
            at = (JsonObject)(at[key] ??= new JsonObject());
        }

        at[keys[^1]] = value?.DeepClone();
    }

    /// <summary>Writes something else in the place of every path that a recipe names.</summary>
    /// <param name="node">The recipe, or a part of it.</param>
    /// <param name="of">What is written in the place of a path.</param>
    public static void Map(JsonNode? node, Func<string, string> of)
    {
        if (node is JsonArray list)
            foreach (var item in list)
                Map(item, of);
        if (node is not JsonObject group)
            return;
        foreach (var (key, value) in group.ToArray())
            if (IsPath(key))
                group[key] = Mapped(value, of);
            else
                Map(value, of);
    }

    /// <summary>
    /// Makes the paths of a recipe relative to another folder, so that the recipe means the same from there.
    /// </summary>
    /// <param name="node">The recipe, or a part of it.</param>
    /// <param name="from">The folder that the paths are relative to.</param>
    /// <param name="to">The folder that they will be relative to.</param>
    public static void Rebase(JsonNode? node, string from, string to) => Map(node, path => Moved(path, from, to));

    /// <summary>Every file and folder that a recipe names, as it names them.</summary>
    public static IEnumerable<string> Named(JsonNode? node) => node switch
    {
        JsonArray list => list.SelectMany(Named),
        JsonObject group => group.SelectMany(pair => IsPath(pair.Key) ? Texts(pair.Value) : Named(pair.Value)),
        _ => [],
    };

    /// <summary>Names another file everywhere that a recipe names one.</summary>
    public static void Replace(JsonNode? node, string path, string by) => Map(node, each => each == path ? by : each);

    /// <summary>A path relative to one folder, made relative to another.</summary>
    public static string Moved(string path, string from, string to) =>
        Path.GetRelativePath(Path.GetFullPath(to), Path.GetFullPath(Path.Combine(from, path)))
            .Replace(Path.DirectorySeparatorChar, '/');

    /// <summary>Whether a key, or the path of a grid's axis, names a file or a folder.</summary>
    public static bool IsPath(string key) => key[(key.LastIndexOf('.') + 1)..] is "path" or "more" or "adapter";

    private static JsonNode? Mapped(JsonNode? value, Func<string, string> of)
    {
        if (value is JsonArray several)
            return new JsonArray([.. several.Select(each => Mapped(each, of))]);
        if (value is JsonValue text && text.TryGetValue(out string? path))
            return of(path);
        Map(value, of);
        return value?.DeepClone();
    }

    /// <summary>The paths that stand under one key.</summary>
    public static IEnumerable<string> Texts(JsonNode? value) => value switch
    {
        JsonValue text when text.TryGetValue(out string? path) => [path],
        JsonArray several => several.SelectMany(Texts),
        _ => Named(value),
    };

    private static JsonObject? Stage(JsonObject recipe, string name) => (recipe["stages"] as JsonArray)?.OfType<JsonObject>()
        .FirstOrDefault(
            stage => stage["name"] is JsonValue value && value.TryGetValue(out string? found) && found == name);

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);
        }
    }
}
