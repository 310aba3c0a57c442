using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// A record of all data that a run used: files by their hash, rows by their id. Two runs with equal manifests were
/// trained and tested on the same text.
/// </summary>
/// <param name="Sources">The files.</param>
/// <param name="Stages">What each stage took from the files.</param>
public sealed record DataManifest(ImmutableArray<SourceFile> Sources, ImmutableArray<DataStage> Stages)
{
    /// <summary>The manifest as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DataJson.Default.DataManifest);

    /// <summary>Reads a manifest that <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="DataException">The text is not a manifest.</exception>
    public static DataManifest FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize(json, DataJson.Default.DataManifest) ?? throw new JsonException("null");
        }
        catch (JsonException error)
        {
            throw new DataException("this is no data manifest", field: error.Path, found: error.Message, inner: error);
        }
    }
}

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", UseStringEnumConverter = true,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(DataManifest))]
internal sealed partial class DataJson : JsonSerializerContext;
