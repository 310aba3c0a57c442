using System.Text.Json.Nodes;

namespace VaccineRef.Models;

/// <summary><c>model.safetensors.index.json</c>: which shard holds which tensor.</summary>
internal static class ShardIndex
{
    public const string FileName = "model.safetensors.index.json";
    private const string Map = "weight_map";

    /// <summary>Tensor name to file name; file names never leave the folder.</summary>
    /// <exception cref="CheckpointException">The index is not what Hugging Face writes.</exception>
    public static Dictionary<string, string> Read(string path)
    {
        var map = ConfigReader.OpenFile(path).Section(Map)
            ?? throw new CheckpointException("the shard index has no map", path, Map, null, "tensor names, file names");
        var files = map.Keys.ToDictionary(name => name, name => map.String(name));
        foreach (var (name, file) in files)
        {
            var leaves = file != Path.GetFileName(file) || file.Contains('\\');
            if (leaves || !file.EndsWith(".safetensors", StringComparison.Ordinal))
                throw new CheckpointException("the index names no shard", path, name, file, "a safetensors file here");
        }

        return files;
    }

    public static void Write(string folder, long totalBytes, IEnumerable<(string Tensor, string File)> map) =>
        AtomicFile.WriteJson(Path.Combine(folder, FileName), new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = totalBytes },
            [Map] = new JsonObject(
                map.OrderBy(pair => pair.Tensor, StringComparer.Ordinal)
                    .Select(pair => KeyValuePair.Create(pair.Tensor, (JsonNode?)pair.File))),
        });
}
