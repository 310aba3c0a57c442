using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Models;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// Reads and writes recipes as JSON. It knows every kind of rule, objective, data and so on that a recipe can name;
/// <see cref="With"/> adds a kind that another program defines. An unknown key is an error that names the nearest known
/// one.
/// </summary>
public sealed class RecipeFormat
{
    /// <summary>
    /// The key by which editors find the schema of recipes. It is allowed at the top, and means nothing here.
    /// </summary>
    public const string SchemaKey = "$schema";

    private readonly (Type Family, JsonDerivedType Kind)[] _kinds;
    private readonly IJsonTypeInfoResolver[] _metadata;
    private readonly JsonSerializerOptions _options;

    private RecipeFormat((Type, JsonDerivedType)[] kinds, IJsonTypeInfoResolver[] metadata)
    {
        (_kinds, _metadata) = (kinds, metadata);
        _options = new(RecipeJson.Default.Options)
        {
            AllowOutOfOrderMetadataProperties = true,
            TypeInfoResolver = JsonTypeInfoResolver.Combine([RecipeJson.Default, .. metadata])
                .WithAddedModifier(AddKinds),
        };
        Shape = new(_options);
    }

    /// <summary>The format with the kinds that come with the program.</summary>
    public static RecipeFormat Standard { get; } = new([], []);

    /// <summary>How the records of recipes are read and written.</summary>
    internal JsonSerializerOptions Options => _options;

    private RecipeShape Shape { get; }

    /// <summary>The format with one kind more.</summary>
    /// <param name="kind">The word by which recipes name it.</param>
    /// <param name="metadata">How System.Text.Json reads and writes its record: a source-generated context.</param>
    /// <typeparam name="TFamily">What it is a kind of, such as <see cref="RuleOptions"/>.</typeparam>
    /// <typeparam name="TOptions">Its record.</typeparam>
    public RecipeFormat With<TFamily, TOptions>(string kind, IJsonTypeInfoResolver metadata) where TOptions : TFamily =>
        new([.. _kinds, (typeof(TFamily), new JsonDerivedType(typeof(TOptions), kind))], [.. _metadata, metadata]);

    /// <summary>Reads a recipe file and sets values in it.</summary>
    /// <param name="path">The JSON file; comments and trailing commas are allowed.</param>
    /// <param name="assignments">
    /// Values to set, as in "attack.data.harmful_ratio=0.2": a path and a JSON value, or plain text.
    /// </param>
    /// <exception cref="RecipeException">
    /// A key is unknown, missing, or has a value of the wrong kind or out of its range.
    /// </exception>
    public Recipe Read(string path, params IReadOnlyList<string> assignments)
    {
        try
        {
            return Parse(File.ReadAllBytes(path), path, Path.GetDirectoryName(Path.GetFullPath(path)), assignments);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException("the recipe cannot be read", path, error.Message, "a JSON file", inner: error);
        }
    }

    /// <summary>As <see cref="Read"/>, from text; <paramref name="where"/> names it in errors.</summary>
    public Recipe Parse(string text, string where, params IReadOnlyList<string> assignments) =>
        Parse(Encoding.UTF8.GetBytes(text), where, folder: null, assignments);

    private Recipe Parse(ReadOnlySpan<byte> text, string where, string? folder, IReadOnlyList<string> assignments)
    {
        try
        {
            var json = RecipeText.Parse(text, where);
            if (json[SchemaKey] is JsonValue schema && schema.GetValueKind() == JsonValueKind.String)
                json.Remove(SchemaKey);
            if (folder is not null)
                RecordedFiles.Find(json, folder);
            foreach (string assignment in assignments)
                RecipePath.Assign(json, assignment);
            return Bind(FormerRecipe.Is(json) ? FormerRecipe.Translate(json) : json);
        }
        catch (InvalidOperationException error)
        {
            // System.Text.Json reads text lazily, and finds half a surrogate pair only when somebody looks at it
            throw new RecipeException(
                "the recipe is not JSON", where, error.Message, "text that is valid Unicode", inner: error);
        }
    }

    /// <summary>The recipe as JSON, with every default spelled out.</summary>
    public string Write(Recipe recipe) => Text(ToJson(recipe));

    /// <summary>
    /// The recipe as JSON for a file in another folder: its paths are relative to that folder, and its files are
    /// recorded with their hashes.
    /// </summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="files">Its files.</param>
    /// <param name="to">The folder that the file will lie in.</param>
    /// <exception cref="InputException">A file cannot be read.</exception>
    public string Write(Recipe recipe, DataFiles files, string to)
    {
        var json = ToJson(recipe);
        RecordedFiles.Record(json, files, to);
        return Text(json);
    }

    private string Text(JsonObject recipe)
    {
        recipe.Insert(0, SchemaKey, RecipeSchema.FileName);
        return recipe.ToJsonString(_options) + "\n";
    }

    /// <summary>The recipe as a JSON document, with every default spelled out.</summary>
    internal JsonObject ToJson(Recipe recipe) => JsonSerializer.SerializeToNode(recipe, Info<Recipe>())!.AsObject();

    /// <summary>
    /// Part of a recipe from JSON; null where it is not one, which binding the whole recipe then says.
    /// </summary>
    internal T? Part<T>(JsonNode json) where T : class
    {
        try
        {
            return json.Deserialize(Info<T>());
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Checks a document against the shape of a recipe, reads it, and checks its values.</summary>
    internal Recipe Bind(JsonObject json)
    {
        Shape.Require(json, Info<Recipe>(), "$");
        try
        {
            var recipe = json.Deserialize(Info<Recipe>())!;
            RecipeLimits.Require(recipe);
            return recipe;
        }
        catch (JsonException error)
        {
            throw new RecipeException(
                "the recipe does not fit", error.Path ?? "$", error.Message.Split(" Path:")[0], inner: error);
        }
    }

    private JsonTypeInfo<T> Info<T>() => (JsonTypeInfo<T>)_options.GetTypeInfo(typeof(T));

    private void AddKinds(JsonTypeInfo info)
    {
        foreach (var (_, kind) in _kinds.Where(each => each.Family == info.Type))
            info.PolymorphismOptions!.DerivedTypes.Add(kind);
    }
}

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    Converters = [typeof(SnakeCase<SiteKind>), typeof(SnakeCase<WeightPrecision>)],
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(Recipe))]
internal sealed partial class RecipeJson : JsonSerializerContext;
