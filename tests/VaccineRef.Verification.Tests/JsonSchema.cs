using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace VaccineRef.Verification.Tests;

/// <summary>The part of JSON Schema that this program's schemas use.</summary>
internal static class JsonSchema
{
    private static readonly Dictionary<string, string[]> Types = new()
    {
        ["object"] = ["Object"],
        ["array"] = ["Array"],
        ["string"] = ["String"],
        ["number"] = ["Number"],
        ["integer"] = ["Number"],
        ["null"] = ["Null"],
        ["boolean"] = ["True", "False"],
    };

    /// <summary>The first violation; null if there is none.</summary>
    public static string? Violation(JsonNode schema, JsonNode? value, string path)
    {
        var kind = value?.GetValueKind() ?? JsonValueKind.Null;
        if (schema["const"] is { } constant && !JsonNode.DeepEquals(constant, value))
            return $"{path}: not {constant}";
        if (schema["enum"] is JsonArray options && !options.Any(option => JsonNode.DeepEquals(option, value)))
            return $"{path}: none of {options}";
        if (schema["type"] is { } type)
        {
            string[] names = type is JsonArray several ? [.. several.Select(name => (string)name!)] : [(string)type!];
            if (!names.Any(name => Types[name].Contains(kind.ToString())))
                return $"{path}: {kind}";
        }

        if (schema["minimum"] is { } least && kind == JsonValueKind.Number && (double)value! < (double)least)
            return $"{path}: below {least}";
        return value switch
        {
            JsonArray array when schema["items"] is { } items =>
                array.Select((item, i) => Violation(items, item, $"{path}[{i}]")).FirstOrDefault(v => v is not null),
            JsonObject members => OfObject(schema, members, path),
            _ => null,
        };
    }

    private static string? OfObject(JsonNode schema, JsonObject value, string path)
    {
        if (schema["required"] is JsonArray required
            && required.FirstOrDefault(key => !value.ContainsKey((string)key!)) is { } missing)
            return $"{path}: no {missing}";
        foreach (var (key, member) in value)
        {
            var rule = schema["properties"]?[key]
                ?? (schema["patternProperties"] as JsonObject)?.FirstOrDefault(pattern =>
                    Regex.IsMatch(key, pattern.Key)).Value;
            if (rule is null && schema["additionalProperties"]?.GetValueKind() == JsonValueKind.False)
                return $"{path}.{key}: no such key";
            if (rule is not null && Violation(rule, member, $"{path}.{key}") is { } violation)
                return violation;
        }

        return null;
    }
}
