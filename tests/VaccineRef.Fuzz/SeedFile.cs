using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace VaccineRef.Fuzz;

/// <summary>A file that is accepted, and what of it is JSON: read once, for it is altered a million times.</summary>
public sealed class SeedFile
{
    private static readonly JsonDocumentOptions Lenient =
        new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true };

    /// <summary>Reads it.</summary>
    /// <param name="path">Where it lies.</param>
    public SeedFile(string path)
    {
        (Path, Content) = (path, File.ReadAllBytes(path));
        (Json, Header) = (Parse(Content), Parse(HeaderOf(Content)));
    }

    /// <summary>Where it lies.</summary>
    public string Path { get; }

    /// <summary>Its bytes.</summary>
    public byte[] Content { get; }

    /// <summary>Its object or list; null if it is no JSON.</summary>
    public JsonNode? Json { get; }

    /// <summary>
    /// The object or list behind its own length at the file's beginning, as in a safetensors file; null where there is
    /// none.
    /// </summary>
    public JsonNode? Header { get; }

    /// <summary>The file with another header, and the length of that.</summary>
    public byte[] WithHeader(byte[] header)
    {
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. header, .. Content.AsSpan(sizeof(long) + HeaderOf(Content).Length)];
    }

    /// <summary>Puts the file back as it was.</summary>
    public void Restore() => File.WriteAllBytes(Path, Content);

    /// <summary>What stands behind its own length at the beginning; empty if there is no such thing.</summary>
    public static ReadOnlySpan<byte> HeaderOf(byte[] content)
    {
        if (content.Length < sizeof(long))
            return [];
        long length = BinaryPrimitives.ReadInt64LittleEndian(content);
        return length > 0 && length <= content.Length - sizeof(long) ? content.AsSpan(sizeof(long), (int)length) : [];
    }

    private static JsonNode? Parse(ReadOnlySpan<byte> content)
    {
        try
        {
            return JsonNode.Parse(content, null, Lenient) is (JsonObject or JsonArray) and var json ? json : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
