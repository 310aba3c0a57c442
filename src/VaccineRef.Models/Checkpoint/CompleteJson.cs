using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace VaccineRef.Models;

/// <summary>
/// Reads records from JSON whose lists and dictionaries hold no null. The serialiser refuses null where a property may
/// not be null, but cannot see whether the parts of a list may be.
/// </summary>
public static class CompleteJson
{
    /// <summary>Reads a record.</summary>
    /// <param name="json">The text.</param>
    /// <param name="type">
    /// What is written there. A part that is JSON of any shape, such as a recipe, may hold null anywhere.
    /// </param>
    /// <exception cref="JsonException">
    /// The text is no JSON or of another shape; <see cref="JsonException.Path"/> says where.
    /// </exception>
    public static T Read<T>(string json, JsonTypeInfo<T> type) => Read(JsonElement.Parse(json), type);

    /// <summary>Reads a record.</summary>
    /// <exception cref="JsonException">
    /// The JSON is of another shape; <see cref="JsonException.Path"/> says where.
    /// </exception>
    public static T Read<T>(JsonElement json, JsonTypeInfo<T> type)
    {
        Require(json, type, "$");
        return json.Deserialize(type) ?? throw Null("$");
    }

    private static void Require(JsonElement json, JsonTypeInfo type, string path)
    {
        JsonTypeInfo Of(Type part) => type.Options.GetTypeInfo(part);
        if (type.Kind == JsonTypeInfoKind.Object && json.ValueKind == JsonValueKind.Object)
            foreach (var property in type.Properties
                .Where(property => property.Set is not null || property.AssociatedParameter is not null))
            {
                if (json.TryGetProperty(property.Name, out var value))
                    Require(value, Of(property.PropertyType), $"{path}.{property.Name}");
            }
        else if (type is { Kind: JsonTypeInfoKind.Enumerable, ElementType: { } element }
            && json.ValueKind == JsonValueKind.Array)
            foreach (var (i, part) in json.EnumerateArray().Index())
                Part(part, Of(element), $"{path}[{i}]");
        else if (type is { Kind: JsonTypeInfoKind.Dictionary, ElementType: { } each }
            && json.ValueKind == JsonValueKind.Object)
            foreach (var member in json.EnumerateObject())
                Part(member.Value, Of(each), $"{path}.{member.Name}");
    }

    private static void Part(JsonElement part, JsonTypeInfo type, string path)
    {
        if (part.ValueKind == JsonValueKind.Null && Nullable.GetUnderlyingType(type.Type) is null)
            throw Null(path);
        Require(part, type, path);
    }

    private static JsonException Null(string path) =>
        new($"The JSON value is null where none may be. Path: {path}.", path, null, null);
}
