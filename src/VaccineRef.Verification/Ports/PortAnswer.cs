using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Verification.Conform;

namespace VaccineRef.Verification.Ports;

/// <summary>
/// What a port answered, read with suspicion: an answer of another form is named, and so is what was expected.
/// </summary>
/// <param name="command">What it was asked.</param>
/// <param name="answer">The object that it sent.</param>
internal sealed class PortAnswer(string command, JsonObject answer)
{
    /// <summary>A text; null if there is none. Texts of a port are shown without control characters.</summary>
    public string? Text(string key) => ConformJson.Text(answer, key);

    /// <summary>A list of texts; empty if there is none.</summary>
    public IEnumerable<string> Texts(string key) => answer[key] switch
    {
        null => [],
        JsonArray list => list.Select(item => item is JsonValue value && value.GetValueKind() == JsonValueKind.String
            ? ConformJson.Clean(value.GetValue<string>())
            : throw Wrong(key, "texts")),
        _ => throw Wrong(key, "a list of texts"),
    };

    /// <summary>A number. null stands for one that JSON does not have.</summary>
    public double Number(string key) =>
        answer.ContainsKey(key) ? Number(answer[key], key) : throw Wrong(key, "a number");

    /// <summary>A number; null if the key is absent.</summary>
    public double? OptionalNumber(string key) => answer.ContainsKey(key) ? Number(answer[key], key) : null;

    /// <summary>A whole number; null if the key is absent.</summary>
    public int? Count(string key) => !answer.ContainsKey(key) ? null
        : answer[key] is JsonValue value && IsNumber(value) && value.TryGetValue(out int count) ? count
        : throw Wrong(key, "a whole number");

    /// <summary>A list of numbers.</summary>
    public double[] Numbers(string key) => Numbers(answer[key], key);

    /// <summary>A list of lists of numbers, one for each site.</summary>
    public double[][] Sites(string key) => answer[key] is JsonArray sites
        ? [.. sites.Select(site => Numbers(site, key))]
        : throw Wrong(key, "a list of numbers for each site");

    private double[] Numbers(JsonNode? node, string key) => node is JsonArray list
        ? [.. list.Select(item => Number(item, key))]
        : throw Wrong(key, "a list of numbers");

    private double Number(JsonNode? node, string key) => node switch
    {
        null => double.NaN,
        JsonValue value when IsNumber(value) && value.TryGetValue(out double number) => number,
        _ => throw Wrong(key, "numbers"),
    };

    private static bool IsNumber(JsonValue value) => value.GetValueKind() == JsonValueKind.Number;

    private InvalidOperationException Wrong(string key, string expected) => new(
        $"the port was asked to {command} and answered without \"{key}\" as {expected}: "
        + ConformJson.Clean(answer.ToJsonString()));
}
