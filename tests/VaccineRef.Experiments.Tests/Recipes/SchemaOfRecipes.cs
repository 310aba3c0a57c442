using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Experiments.Tests.Recipes;

/// <summary>
/// Makes the JSON Schema of recipes from their records, the records' documentation, defaults and limits.
/// </summary>
internal sealed partial class SchemaOfRecipes
{
    // The kind that is meant where none is named.
    private static readonly Dictionary<Type, string> Unnamed =
        new() { [typeof(StageOptions)] = "train", [typeof(DataOptions)] = "file" };

    private static readonly Dictionary<(Type, string), IEnumerable<string>> Words = new()
    {
        [(typeof(FileDataOptions), "task")] = TaskPreset.All.Select(task => task.Id),
    };

    private readonly Dictionary<string, XElement> _docs = [];
    private readonly JsonSerializerOptions _options = RecipeFormat.Standard.Options;

    public SchemaOfRecipes()
    {
        foreach (string file in Directory.GetFiles(AppContext.BaseDirectory, "VaccineRef.*.xml"))
            foreach (var member in XDocument.Load(file).Descendants("member"))
                _docs.TryAdd(member.Attribute("name")!.Value, member);
    }

    public string Text()
    {
        var schema = _options.GetJsonSchemaAsNode(typeof(Recipe), new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Transform }).AsObject();
        schema["type"] = "object";
        schema["properties"]!.AsObject().Insert(
            0, RecipeFormat.SchemaKey,
            new JsonObject { ["type"] = "string", ["description"] = "Where this schema lies." });
        schema.Insert(0, "title", "A recipe of VaccineRef");
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        return schema.ToJsonString(new(_options) { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, IndentSize = 1 }) + "\n";
    }

    private JsonObject Transform(JsonSchemaExporterContext context, JsonNode node)
    {
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        var schema = node as JsonObject ?? [];
        if (type.IsEnum)
            Enumerate(
                schema, Enum.GetNames(type).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName),
                orNull: type != context.TypeInfo.Type);
        if (Unnamed.TryGetValue(type, out string? meant) && schema["anyOf"] is JsonArray kinds)
            NameAllBut(schema, kinds, meant);
        if (context.PropertyInfo is null && Doc($"T:{type.FullName}")?.Element("summary") is { } summary
            && type.Namespace!.StartsWith("VaccineRef", StringComparison.Ordinal))
            schema.TryAdd("description", Plain(summary));
        if (context.PropertyInfo is { } property)
            Describe(schema, property);
        return schema;
    }

    private void Describe(JsonObject schema, JsonPropertyInfo property)
    {
        var member = (MemberInfo)property.AttributeProvider!;
        var owner = member.ReflectedType!;
        if (Doc($"P:{member.DeclaringType!.FullName}.{member.Name}")?.Element("summary") is { } summary)
            schema["description"] = Plain(summary);
        else if (Doc($"T:{member.DeclaringType.FullName}")?.Elements("param")
            .FirstOrDefault(each => each.Attribute("name")!.Value == member.Name) is { } param)
            schema["description"] = Plain(param);
        if (Words.TryGetValue((owner, property.Name), out var words))
            Enumerate(schema, words, orNull: property.IsGetNullable);
        if (NumberLimits.Of(owner, property.Name) is { } range)
        {
            schema[range.AboveLeast ? "exclusiveMinimum" : "minimum"] = range.Least;
            if (range.Most < double.MaxValue)
                schema[range.BelowMost ? "exclusiveMaximum" : "maximum"] = range.Most;
        }

        if (!property.IsRequired && Default(owner, (PropertyInfo)member) is { } value)
            schema["default"] = JsonSerializer.SerializeToNode(value, _options.GetTypeInfo(value.GetType()));
    }

    private static object? Default(Type owner, PropertyInfo property)
    {
        var constructor = owner.GetConstructors().MinBy(each => each.GetParameters().Length);
        var parameter = constructor?.GetParameters().FirstOrDefault(each => each.Name == property.Name);
        object? value = parameter is { HasDefaultValue: true }
            ? parameter.ParameterType.IsEnum
                ? Enum.ToObject(parameter.ParameterType, parameter.DefaultValue!)
                : parameter.DefaultValue
            : constructor?.GetParameters().Length == 0 ? property.GetValue(Activator.CreateInstance(owner)) : null;
        return value is string or ValueType ? value : null;
    }

    private static void NameAllBut(JsonObject schema, JsonArray kinds, string meant)
    {
        schema.Remove("required");
        foreach (var kind in kinds.OfType<JsonObject>()
            .Where(each => each["properties"]!["kind"]!["const"]!.ToString() != meant))
            kind["required"] =
                new JsonArray(["kind", .. kind["required"]?.AsArray().Select(name => name!.DeepClone()) ?? []]);
    }

    private static void Enumerate(JsonObject schema, IEnumerable<string> words, bool orNull)
    {
        schema.Remove("type");
        schema["enum"] = new JsonArray([.. words.Select(word => (JsonNode)word), .. orNull ? (JsonNode?[])[null] : []]);
    }

    private XElement? Doc(string name) => _docs.GetValueOrDefault(name.Replace('+', '.'));

    /// <summary>Documentation as plain text: references by their last name.</summary>
    private static string Plain(XElement element)
    {
        var text = string.Concat(element.Nodes().Select(node => node switch
        {
            XElement { HasAttributes: true } see => see.FirstAttribute!.Value.Split('.', ':')[^1],
            XElement other => other.Value,
            _ => node.ToString(),
        }));
        return Space().Replace(System.Net.WebUtility.HtmlDecode(text), " ").Trim();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
