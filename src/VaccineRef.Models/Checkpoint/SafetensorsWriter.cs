using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace VaccineRef.Models;

/// <summary>
/// Writes safetensors files byte for byte as the reference implementation does: tensors by descending type, then by
/// name; the header padded with blanks to 8 bytes. Values are streamed; only the header is held in memory.
/// </summary>
public static class SafetensorsWriter
{
    private const string SingleName = "model.safetensors";

    private static readonly JsonSerializerOptions Plain =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly Dictionary<string, string> PyTorch = new() { ["format"] = "pt" };

    /// <summary>Writes one file, atomically.</summary>
    /// <param name="path">The file.</param>
    /// <param name="tensors">The tensors, names distinct.</param>
    /// <param name="metadata">Header strings; by default the <c>format: pt</c> that Hugging Face demands.</param>
    /// <exception cref="CheckpointException">A value does not fit the type it is stored in.</exception>
    /// <exception cref="Core.InputException">The file cannot be written.</exception>
    public static void Write(
        string path, IReadOnlyList<TensorData> tensors, IReadOnlyDictionary<string, string>? metadata = null) =>
        AtomicFile.Write(path, stream =>
        {
            var sorted = tensors.OrderByDescending(t => t.Type).ThenBy(t => t.Name, StringComparer.Ordinal).ToArray();
            var header = Header(sorted, metadata ?? PyTorch);
            Span<byte> length = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
            stream.Write(length);
            stream.Write(header);
            foreach (var tensor in sorted)
                tensor.WriteTo(stream, path);
        });

    /// <summary>
    /// Writes <c>model.safetensors</c>, or, where that would exceed <paramref name="maxShardBytes"/>, numbered shards
    /// and <c>model.safetensors.index.json</c> as Hugging Face does. A single larger tensor gets a shard of its own.
    /// </summary>
    /// <param name="folder">A folder without another checkpoint (<see cref="AtomicFile.WriteFolder"/>).</param>
    /// <param name="tensors">The tensors, names distinct; shards keep their order.</param>
    /// <param name="maxShardBytes">The most bytes of tensors in one file.</param>
    /// <param name="metadata">As in <see cref="Write"/>.</param>
    /// <exception cref="CheckpointException">The folder holds another checkpoint, or a value does not fit.</exception>
    public static void WriteSharded(
        string folder, IReadOnlyList<TensorData> tensors, long maxShardBytes,
        IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxShardBytes);
        var shards = Cut(tensors, maxShardBytes);
        string File(int shard) => shards.Count == 1
            ? SingleName
            : string.Create(CultureInfo.InvariantCulture, $"model-{shard + 1:D5}-of-{shards.Count:D5}.safetensors");

        RefuseOthers(folder, [.. Enumerable.Range(0, shards.Count).Select(File)]);
        for (var i = 0; i < shards.Count; i++)
            Write(Path.Combine(folder, File(i)), shards[i], metadata);
        if (shards.Count > 1)
        {
            ShardIndex.Write(
                folder, tensors.Sum(tensor => tensor.Length),
                shards.SelectMany((shard, i) => shard.Select(tensor => (tensor.Name, File(i)))));
        }
    }

    private static List<List<TensorData>> Cut(IReadOnlyList<TensorData> tensors, long maxShardBytes)
    {
        List<List<TensorData>> shards = [[]];
        var room = maxShardBytes;
        foreach (var tensor in tensors)
        {
            if (tensor.Length > room && shards[^1].Count > 0)
            {
                shards.Add([]);
                room = maxShardBytes;
            }

            shards[^1].Add(tensor);
            room -= tensor.Length;
        }

        return shards;
    }

    private static void RefuseOthers(string folder, HashSet<string> own)
    {
        if (!Directory.Exists(folder))
            return;
        if (own.Count > 1)
            own.Add(ShardIndex.FileName);
        string[] others =
        [
            .. Directory.EnumerateFiles(folder, "model*.safetensors*").Select(file => Path.GetFileName(file))
                .Except(own),
        ];
        if (others.Length > 0)
        {
            throw new CheckpointException(
                "the folder holds another checkpoint", folder, null, CheckpointException.Names(others),
                "no model*.safetensors files but those about to be written", "write to a new folder");
        }
    }

    private static byte[] Header(TensorData[] tensors, IReadOnlyDictionary<string, string> metadata)
    {
        var json = new JsonObject();
        if (metadata.Count > 0)
        {
            json[SafetensorsHeader.MetadataKey] = new JsonObject(
                metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)pair.Value)));
        }

        var offset = 0L;
        foreach (var tensor in tensors)
        {
            if (tensor.Name == SafetensorsHeader.MetadataKey || json.ContainsKey(tensor.Name))
                throw new ArgumentException($"the name {tensor.Name} is taken", nameof(tensors));
            json[tensor.Name] = new JsonObject
            {
                ["dtype"] = tensor.Type.Name(),
                ["shape"] = new JsonArray([.. tensor.Shape.Select(extent => (JsonNode)extent)]),
                ["data_offsets"] = new JsonArray(offset, offset += tensor.Length),
            };
        }

        var text = json.ToJsonString(Plain);
        var bytes = Encoding.UTF8.GetByteCount(text);
        return Encoding.UTF8.GetBytes(text.PadRight(text.Length + (8 - bytes % 8) % 8));
    }
}
