using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// All the data of a run: files by hash, rows by id. Two runs with equal manifests trained and tested on the same text.
/// </summary>
/// <param name="Sources">The files.</param>
/// <param name="Stages">What each stage took from them.</param>
public sealed record DataManifest(ImmutableArray<SourceFile> Sources, ImmutableArray<DataStage> Stages)
{
    /// <summary>The manifest as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DataJson.Default.DataManifest);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="DataException">It is no manifest.</exception>
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
