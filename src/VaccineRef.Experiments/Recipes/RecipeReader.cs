using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using VaccineRef.Core;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>Reads and writes recipes. An unknown key is an error that names the nearest known one.</summary>
public static class RecipeReader
{
    /// <summary>Reads a recipe file and applies overrides.</summary>
    /// <param name="path">The JSON file; comments and trailing commas are allowed.</param>
    /// <param name="overrides">"attack.harmful_ratio=0.2": a path of keys and a JSON value, or plain text.</param>
    /// <exception cref="RecipeException">A key is unknown, missing, or has a value of the wrong kind.</exception>
    public static Recipe Read(string path, params IReadOnlyList<string> overrides)
    {
        string text;
        try
        {
            text = File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException("the recipe cannot be read", path, error.Message, "a JSON file", inner: error);
        }

        return Parse(text, path, overrides);
    }

    /// <summary>As <see cref="Read"/>, from text; <paramref name="where"/> names it in errors.</summary>
    public static Recipe Parse(string text, string where, params IReadOnlyList<string> overrides)
    {
        var json = Object(text, where);
        foreach (string assignment in overrides)
            Apply(json, assignment);
        RequireShape(json, RecipeJson.Default.Recipe, "$");
        if (json["attack"]?["training"] is JsonObject training)
            Complete(training, JsonSerializer.SerializeToNode(AttackStage.DefaultTraining, RecipeJson.Default.TrainingChoice)!);
        try
        {
            var recipe = json.Deserialize(RecipeJson.Default.Recipe)!;
            RecipeLimits.Require(recipe);
            return recipe;
        }
        catch (JsonException error)
        {
            throw new RecipeException("the recipe does not fit", error.Path ?? "$", error.Message.Split(" Path:")[0], inner: error);
        }
    }

    /// <summary>The recipe as JSON, every default spelled out.</summary>
    public static string Write(Recipe recipe) => JsonSerializer.Serialize(recipe, RecipeJson.Default.Recipe) + "\n";

    internal static string DidYouMean(string found, IEnumerable<string> known) => $"did you mean \"{Nearest(found, known)}\"?";

    private static JsonObject Object(string text, string where)
    {
        var options = new JsonDocumentOptions
        {
            CommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
            AllowDuplicateProperties = false,
        };
        try
        {
            return JsonNode.Parse(text, documentOptions: options) as JsonObject ?? throw new JsonException("no object");
        }
        catch (JsonException error)
        {
            throw new RecipeException("the recipe is not JSON", where, error.Message, "one object, every key once", inner: error);
        }
    }

    /// <summary>Sets one value by its path.</summary>
    private static void Apply(JsonObject recipe, string assignment)
    {
        int equals = assignment.IndexOf('=', StringComparison.Ordinal);
        if (equals <= 0)
            throw new RecipeException("an override has no value", $"--set {assignment}", expected: "key=value, such as alignment.method.rho=1");
        string[] keys = assignment[..equals].Split('.');
        var at = recipe;
        foreach (string key in keys[..^1])
        {
            if (at[key] is not (null or JsonObject))
                throw new RecipeException("an override goes through a value that is no object", $"--set {assignment}", key);
            at = (JsonObject)(at[key] ??= new JsonObject());
        }

        at[keys[^1]] = Value(assignment[(equals + 1)..]);
    }

    private static JsonNode? Value(string text)
    {
        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return JsonValue.Create(text);        // plain text needs no quotes on a command line
        }
    }

    /// <summary>Walks the recipe beside the shape it should have, before anything is bound.</summary>
    private static void RequireShape(JsonObject json, JsonTypeInfo shape, string path)
    {
        foreach (var (key, value) in json)
        {
            string at = $"{path}.{key}";
            var names = shape.Properties.Select(property => property.Name);
            var known = shape.Properties.FirstOrDefault(property => property.Name == key)
                ?? throw new RecipeException("unknown key", at, key, string.Join(", ", names), DidYouMean(key, names));
            var type = RecipeJson.Default.GetTypeInfo(known.PropertyType)!;
            if (value is JsonObject inner && type.Kind == JsonTypeInfoKind.Object)
                RequireShape(inner, type, at);
            else if (value is JsonArray list && Element(type) is { Kind: JsonTypeInfoKind.Object } element && list.All(item => item is JsonObject))
                foreach (var (i, item) in list.Index())
                    RequireShape((JsonObject)item!, element, $"{at}[{i}]");
            else if (value is null ? !known.IsSetNullable : !Fits(value, type))
                throw new RecipeException(
                    "a value is of the wrong kind", at, value?.ToJsonString() ?? "null", Words(known.PropertyType));
        }

        if (shape.Properties.FirstOrDefault(property => property.IsRequired && !json.ContainsKey(property.Name)) is { } missing)
            throw new RecipeException("a key is missing", $"{path}.{missing.Name}", "nothing", Words(missing.PropertyType));
    }

    /// <summary>What a list holds; null of what is no list.</summary>
    private static JsonTypeInfo? Element(JsonTypeInfo list) =>
        list is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element } ? RecipeJson.Default.GetTypeInfo(element) : null;

    /// <summary>The attack's training has defaults of its own: a part that is given must not bring back the alignment's.</summary>
    private static void Complete(JsonObject given, JsonNode defaults)
    {
        foreach (var (key, value) in defaults.AsObject())
            given.TryAdd(key, value?.DeepClone());
    }

    private static bool Fits(JsonNode value, JsonTypeInfo type)
    {
        try
        {
            return value.Deserialize(type) is not null;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static string Words(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        { IsEnum: true } words => string.Join(", ", Enum.GetNames(words).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)),
        { IsGenericType: true } list => "a list of: " + Words(list.GenericTypeArguments[0]),
        var plain => Type.GetTypeCode(plain) switch
        {
            TypeCode.String => "text",
            TypeCode.Boolean => "true or false",
            TypeCode.Double or TypeCode.Decimal => "a number",
            TypeCode.Object => "an object",
            _ => "a whole number",
        },
    };

    private static string Nearest(string key, IEnumerable<string> known) => known.MinBy(name => Distance(key, name))!;

    /// <summary>Edits (insert, delete, replace) that turn one word into another. Levenshtein (1966).</summary>
    private static int Distance(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            (int diagonal, row[0]) = (row[0], i);
            for (int j = 1; j <= to.Length; j++)
            {
                int replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                (diagonal, row[j]) = (row[j], Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1));
            }
        }

        return row[^1];
    }
}

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    Converters = [
        typeof(SnakeCase<Precision>), typeof(SnakeCase<Data.BoundaryPolicy>), typeof(SnakeCase<Data.DataFormat>),
        typeof(SnakeCase<Data.Sampling>), typeof(SnakeCase<PerturbationNorm>), typeof(SnakeCase<PassDropout>),
        typeof(SnakeCase<SiteKind>), typeof(SnakeCase<AccumulationWeight>), typeof(SnakeCase<ScheduleKind>),
        typeof(SnakeCase<AttackAdapter>), typeof(SnakeCase<Variant>),
    ],
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(Recipe))]
internal sealed partial class RecipeJson : JsonSerializerContext;

/// <summary>Enums as snake_case words; numbers are refused.</summary>
internal sealed class SnakeCase<TEnum>() : JsonStringEnumConverter<TEnum>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false)
    where TEnum : struct, Enum;
