using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using VaccineRef.Core;
using VaccineRef.Models;

namespace VaccineRef.Verification.Conform;

/// <summary>The JSON of cases, kits, traces and the protocol.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, AllowDuplicateProperties = false,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(CaseSettings))]
[JsonSerializable(typeof(TraceManifest))]
[JsonSerializable(typeof(KitManifest))]
[JsonSerializable(typeof(ConformReport))]
internal sealed partial class ConformJson : JsonSerializerContext
{
    // A manifest of a million steps is no manifest; the tensors stand elsewhere.
    private const long MostBytes = 16 << 20;

    /// <summary>Reads one file.</summary>
    /// <exception cref="InputException">It is missing, too long, or not what it should be.</exception>
    public static TValue Read<TValue>(string path, JsonTypeInfo<TValue> type, string what)
    {
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MostBytes } file)
                throw new InputException($"{what} is too long", path, $"{file.Length} bytes", $"at most {MostBytes}");
            return CompleteJson.Read(WithoutNaN(File.ReadAllText(path, Encoding.UTF8)), type);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException
            or InvalidOperationException or NotSupportedException)
        {
            throw new InputException(
                $"{what} cannot be read", path, Clean(error.Message), "the layout of docs/conform.md", inner: error);
        }
    }

    /// <summary>Text from somewhere else, without control characters and of bounded length.</summary>
    public static string Clean(string text) =>
        new([.. text.Take(400).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c)]);

    /// <summary>A text of an answer, cleaned; null if there is none, or if it cannot be read.</summary>
    public static string? Text(JsonObject answer, string key)
    {
        try
        {
            return answer[key] is JsonValue value && value.GetValueKind() == JsonValueKind.String
                ? Clean(value.GetValue<string>())
                : null;
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>
    /// The same JSON with null in the place of a NaN or an infinity, which Python writes and JSON does not have.
    /// </summary>
    public static string WithoutNaN(string json) => BareNaN().Replace(json, "null");

    [GeneratedRegex(@"(?<=[:\[,]\s{0,8})-?(?:NaN|Infinity)(?=\s{0,8}[,\]}])", RegexOptions.CultureInvariant)]
    private static partial Regex BareNaN();
}
