using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Unicode;
using VaccineRef.Core;

namespace VaccineRef.Models;

/// <summary>
/// The header of a safetensors file: 8 bytes of little-endian length N, N bytes of JSON, then the tensors end to end.
/// Everything is checked against the length of the file before anything of the size that the header claims is
/// allocated.
/// </summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The reference implementation's limit on N.</summary>
    public const long MaxLength = 100_000_000;

    public const string MetadataKey = "__metadata__";

    private const int LengthBytes = 8;
    private const string Remedy = "the file is damaged or incomplete: copy, download or export it again";

    private SafetensorsHeader(string path) => Path = path;

    public string Path { get; }

    /// <summary>In the order of their bytes.</summary>
    public OrderedDictionary<string, TensorEntry> Tensors { get; } = [];

    public Dictionary<string, string> Metadata { get; } = [];

    /// <exception cref="CheckpointException">The header is broken, or at odds with itself or the file.</exception>
    public static SafetensorsHeader Read(string path, OpenedFile file)
    {
        var header = new SafetensorsHeader(path);
        if (file.Length < LengthBytes)
            throw header.Broken("the file is too short", null, $"{file.Length} bytes", "8 bytes or more");
        Span<byte> prefix = stackalloc byte[LengthBytes];
        file.Read(0, prefix);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        var room = Math.Min(MaxLength, file.Length - LengthBytes);
        if (length > (ulong)room)
            throw header.Broken("the header length is impossible", null, $"{length} bytes", $"at most {room}");

        var json = new byte[length];
        file.Read(LengthBytes, json);
        header.Place(header.Parse(json), LengthBytes + (long)length, file.Length);
        return header;
    }

    private List<TensorEntry> Parse(ReadOnlySpan<byte> json)
    {
        if (json is not [(byte)'{', ..] || !Utf8.IsValid(json))
            throw Broken("the header is not JSON", null, null, "UTF-8 text that starts with '{'");
        try
        {
            var reader = new Utf8JsonReader(json);
            reader.Read();
            var entries = ReadAll(ref reader);
            while (reader.Read())
                continue; // only white space may follow; anything else throws
            return entries;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: an escape in a string that is no Unicode character, or a token of another
            // kind.
            throw Broken("the header is not the JSON of safetensors", null, error.Message, null, error);
        }
    }

    private List<TensorEntry> ReadAll(ref Utf8JsonReader reader)
    {
        var entries = new List<TensorEntry>();
        var names = new HashSet<string>();
        while (NextName(ref reader) is { } name)
        {
            if (!names.Add(name))
                throw Broken("a name stands twice in the header", name, null, "every name once");
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject)
                throw Broken("a header entry is not an object", name, reader.TokenType.ToString(), "an object");
            if (name == MetadataKey)
                ReadMetadata(ref reader);
            else
                entries.Add(ReadEntry(ref reader, name));
        }

        return entries;
    }

    private void ReadMetadata(ref Utf8JsonReader reader)
    {
        while (NextName(ref reader) is { } key)
        {
            reader.Read();
            if (reader.TokenType != JsonTokenType.String || !Metadata.TryAdd(key, reader.GetString()!))
                throw Broken("the metadata is not a table of strings", MetadataKey, key, "one string a key");
        }
    }

    private TensorEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        TensorType? type = null;
        ImmutableArray<long>? shape = null, offsets = null;
        while (NextName(ref reader) is { } field)
        {
            reader.Read();
            switch (field)
            {
                case "dtype" when type is null:
                    type = ReadType(ref reader, name);
                    break;
                case "shape" when shape is null:
                    shape = ReadExtents(ref reader, name, field);
                    break;
                case "data_offsets" when offsets is null:
                    offsets = ReadExtents(ref reader, name, field);
                    break;
                default:
                    throw Broken("an entry has a field too many", name, field, "dtype, shape, data_offsets: each once");
            }
        }

        if (type is null || shape is null || offsets is not [var begin, var end])
            throw Broken("an entry is incomplete", name, null, "dtype, shape and two data_offsets");
        if (end < begin || TensorEntry.Bytes(type.Value, shape.Value) != end - begin)
        {
            throw Broken(
                "type, shape and offsets of a tensor disagree", name,
                $"{type.Value.Name()} {TensorEntry.Format(shape.Value)} in bytes {begin} to {end}",
                TensorEntry.Bytes(type.Value, shape.Value) is { } bytes ? $"{bytes} bytes" : "a size below 2^63 bytes");
        }

        return new TensorEntry(name, type.Value, shape.Value, begin, end - begin);
    }

    private TensorType ReadType(ref Utf8JsonReader reader, string name)
    {
        if (TensorTypes.TryParse(reader.GetString() ?? "null", out var type))
            return type;
        throw new CheckpointException(
            "a tensor has a type this program does not read", Path, name, reader.GetString(), TensorTypes.Known,
            "convert the checkpoint to F32 or BF16 first");
    }

    private ImmutableArray<long> ReadExtents(ref Utf8JsonReader reader, string name, string field)
    {
        var values = ImmutableArray.CreateBuilder<long>();
        if (reader.TokenType != JsonTokenType.StartArray)
            throw Broken($"{field} is not a list", name, reader.TokenType.ToString(), "a list of whole numbers");
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var value) || value < 0)
                throw Broken($"{field} is wrong", name, Text(ref reader), "whole numbers from 0 to 2^63 - 1");
            values.Add(value);
        }

        return values.DrainToImmutable();
    }

    /// <summary>
    /// Tensors must fill the bytes after the header end to end: no holes, no overlaps, nothing left over.
    /// </summary>
    private void Place(List<TensorEntry> entries, long start, long fileLength)
    {
        entries.Sort((a, b) => (a.Offset, a.Length).CompareTo((b.Offset, b.Length)));
        var end = 0L;
        foreach (var entry in entries)
        {
            if (entry.Offset != end)
            {
                throw Broken(
                    entry.Offset < end ? "tensors overlap" : "tensors leave a hole", entry.Name,
                    $"begins at byte {entry.Offset}", $"byte {end}, where the tensor before it ends");
            }

            end += entry.Length;
            Tensors.Add(entry.Name, entry with { Offset = start + entry.Offset });
        }

        if (end != fileLength - start)
            throw Broken("the file is cut or too long", null, $"{fileLength} bytes", $"{start + end} bytes");
    }

    private static string? NextName(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;

    private static string Text(ref Utf8JsonReader reader) =>
        System.Text.Encoding.UTF8.GetString(reader.ValueSpan[..Math.Min(40, reader.ValueSpan.Length)]);

    private CheckpointException Broken(
        string what, string? key, string? found, string? expected, Exception? inner = null) =>
        new(what, Path, key, found, expected, Remedy, inner);
}
