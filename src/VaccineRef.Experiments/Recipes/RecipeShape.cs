using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Recipes;

/// <summary>
/// Walks a JSON document beside the shape it should have, before anything is bound, so that errors name the key and
/// what is allowed. Puts in the kind where a family has one that is meant when none is named.
/// </summary>
internal sealed class RecipeShape(JsonSerializerOptions options)
{
    private const string KindKey = "kind";

    private static readonly Dictionary<Type, string> Unnamed =
        new() { [typeof(StageOptions)] = "train", [typeof(DataOptions)] = "file" };

    /// <exception cref="RecipeException">A key is unknown, missing, or has a value of the wrong kind.</exception>
    public void Require(JsonObject json, JsonTypeInfo shape, string path)
    {
        bool hasKind = shape.PolymorphismOptions is not null;
        shape = Concrete(json, shape, path);
        foreach (var (key, value) in json.ToArray())
            if (!(hasKind && key == KindKey))
                Member(shape, key, value, $"{path}.{key}");
        if (shape.Properties.FirstOrDefault(property => property.IsRequired
            && !json.ContainsKey(property.Name)) is { } missing)
            throw new RecipeException(
                "a key is missing", $"{path}.{missing.Name}", "nothing", Words(missing.PropertyType));
    }

    private void Member(JsonTypeInfo shape, string key, JsonNode? value, string at)
    {
        static bool IsInJson(JsonPropertyInfo property) => property.Get is not null;
        var known = shape.Properties.FirstOrDefault(property => property.Name == key && IsInJson(property))
            ?? throw Unknown(at, key, [.. shape.Properties.Where(IsInJson).Select(property => property.Name)]);
        var type = options.GetTypeInfo(known.PropertyType);
        if (value is JsonObject inner && type.Kind == JsonTypeInfoKind.Object)
            Require(inner, type, at);
        else if (value is JsonArray list && type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element }
            && options.GetTypeInfo(element) is { Kind: JsonTypeInfoKind.Object } item)
            foreach (var (i, part) in list.Index())
                Require(Group(part, $"{at}[{i}]"), item, $"{at}[{i}]");
        else if (value is JsonObject named && type is { Kind: JsonTypeInfoKind.Dictionary, ElementType: { } each }
            && options.GetTypeInfo(each) is { Kind: JsonTypeInfoKind.Object } entry)
            foreach (var (name, part) in named.ToArray())
                Require(Group(part, $"{at}.{name}"), entry, $"{at}.{name}");
        else if (value is null ? !known.IsSetNullable : !Fits(value, type))
            throw new RecipeException(
                "a value is of the wrong kind", at, value?.ToJsonString() ?? "null", Words(known.PropertyType));
        else if (RecipePath.IsPath(key)
            && RecipePath.Texts(value).Any(path => path.Contains('\0', StringComparison.Ordinal)))
            throw new RecipeException(
                "a path holds the character U+0000, which no file's name holds", at, value!.ToJsonString(),
                "a file or a folder");
        else if (value is JsonValue number && NumberLimits.Of(shape.Type, key) is { } range
            && !range.Contains(double.Parse(number.ToJsonString(), CultureInfo.InvariantCulture)))
            throw RecipeException.OutOfRange(at, number.ToJsonString(), range.ToString());
    }

    private static RecipeException Unknown(string at, string key, string[] names) => names.Length > 0
        ? RecipeException.Unknown("unknown key", at, key, names)
        : new("unknown key", at, key, "no settings: this kind has none", "remove it, or choose another kind");

    private static JsonObject Group(JsonNode? node, string at) => node as JsonObject
        ?? throw new RecipeException("a value is of the wrong kind", at, node?.ToJsonString() ?? "null", "an object");

    /// <summary>The record that an object's "kind" names.</summary>
    private JsonTypeInfo Concrete(JsonObject json, JsonTypeInfo family, string path)
    {
        if (family.PolymorphismOptions is not { } kinds)
            return family;
        string[] known = [.. kinds.DerivedTypes.Select(derived => (string)derived.TypeDiscriminator!)];
        if (!json.ContainsKey(KindKey) && Unnamed.TryGetValue(family.Type, out string? unnamed))
            json.Insert(0, KindKey, unnamed);
        if (json[KindKey] is not JsonValue named || !named.TryGetValue(out string? kind))
            throw new RecipeException(
                "a key is missing", $"{path}.{KindKey}", json[KindKey]?.ToJsonString() ?? "nothing",
                string.Join(", ", known));
        int index = Array.IndexOf(known, kind);
        return index >= 0
            ? options.GetTypeInfo(kinds.DerivedTypes[index].DerivedType)
            : throw RecipeException.Unknown("unknown kind", $"{path}.{KindKey}", kind, known);
    }

    private static bool Fits(JsonNode value, JsonTypeInfo type)
    {
        try
        {
            return value.Deserialize(type) is not null;
        }
        catch (Exception error) when (error is JsonException or NotSupportedException or InvalidOperationException)
        {
            return false;
        }
    }

    private static string Words(Type type) => (Nullable.GetUnderlyingType(type) ?? type) switch
    {
        { IsEnum: true } words =>
            string.Join(", ", Enum.GetNames(words).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)),
        { IsGenericType: true, GenericTypeArguments.Length: 2 } => "an object",
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
}
