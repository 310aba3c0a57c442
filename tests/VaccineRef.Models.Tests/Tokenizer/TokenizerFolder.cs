using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace VaccineRef.Models.Tests.Tokenizer;

/// <summary>A temporary folder with a small tokenizer that the test writes, removed at the end.</summary>
internal sealed class TokenizerFolder : IDisposable
{
    public const string Gpt2Pattern =
        @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public const string Llama3Pattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        + @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public string Path { get; } = Directory.CreateTempSubdirectory("vaccineref").FullName;

    public ITextTokenizer Load() => TextTokenizer.Load(Path);

    public TokenizerFolder With(string name, string content)
    {
        File.WriteAllText(System.IO.Path.Combine(Path, name), content);
        return this;
    }

    public TokenizerFolder With(string name, byte[] content)
    {
        File.WriteAllBytes(System.IO.Path.Combine(Path, name), content);
        return this;
    }

    /// <summary>
    /// Writes a byte-level tokenizer.json: 256 bytes, the given merges, &lt;|endoftext|&gt;; then edits it.
    /// </summary>
    public TokenizerFolder WithJson(IEnumerable<string> merges, Action<JsonNode>? edit = null)
    {
        var vocabulary = ByteLevelVocabulary(merges);
        int end = vocabulary.Count;
        var json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(Added(end, "<|endoftext|>", special: true)),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false },
            ["post_processor"] = null,
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = JsonSerializer.SerializeToNode(vocabulary),
                ["merges"] = JsonSerializer.SerializeToNode(merges),
            },
        };
        edit?.Invoke(json);
        return With("tokenizer.json", json.ToJsonString());
    }

    public static JsonObject Added(int id, string content, bool special) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = special,
    };

    /// <summary>GPT-2's byte alphabet in order of bytes, then the merged pieces: byte b has id b.</summary>
    public static Dictionary<string, int> ByteLevelVocabulary(IEnumerable<string> merges)
    {
        var vocabulary = new Dictionary<string, int>();
        int next = 256;
        for (int b = 0; b < 256; b++)
            vocabulary[((char)(b is > 32 and < 127 or > 160 and not 173 ? b : next++)).ToString()] = b;
        foreach (string merge in merges)
            vocabulary.TryAdd(merge.Replace(" ", "", StringComparison.Ordinal), vocabulary.Count);
        return vocabulary;
    }

    /// <summary>
    /// Writes a SentencePiece BPE model; kinds as in the proto (1 normal, 2 unknown, 3 control, 4 user-defined, 5
    /// unused).
    /// </summary>
    public TokenizerFolder WithModel(
        IEnumerable<(string Text, float Score, int Kind)> pieces, bool bytes, byte[]? charsMap = null,
        bool dummyPrefix = true, bool removeExtra = false, int modelType = 2)
    {
        var proto = new List<byte>();
        foreach (var (text, score, kind) in pieces)
            proto.AddRange(Bytes(1, [.. Text(text), .. Float(2, score), .. Varint(3, kind)]));
        for (int b = 0; bytes && b < 256; b++)
            proto.AddRange(Bytes(1, [.. Text($"<0x{b:X2}>"), .. Varint(3, 6)]));
        proto.AddRange(Bytes(2, [.. Varint(3, modelType), .. Varint(35, bytes ? 1 : 0)]));
        proto.AddRange(Bytes(3,
            [.. Bytes(2, charsMap ?? []), .. Varint(3, dummyPrefix ? 1 : 0), .. Varint(4, removeExtra ? 1 : 0)]));
        return With("tokenizer.model", [.. proto]);
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);

    private static byte[] Varint(int field, int value) => [.. Number(field << 3), .. Number(value)];

    private static byte[] Bytes(int field, byte[] value) =>
        [.. Number((field << 3) | 2), .. Number(value.Length), .. value];

    private static byte[] Text(string text) => Bytes(1, Encoding.UTF8.GetBytes(text));

    private static byte[] Float(int field, float value)
    {
        byte[] bytes = new byte[4];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        return [.. Number((field << 3) | 5), .. bytes];
    }

    private static byte[] Number(int value)
    {
        var bytes = new List<byte>();
        for (; value >= 128; value >>= 7)
            bytes.Add((byte)(value | 128));
        bytes.Add((byte)value);
        return [.. bytes];
    }
}
