using System.Buffers.Binary;
using System.Text;
using System.Text.Json;

namespace VaccineRef.Models.Tests;

/// <summary>The format by hand, from its description alone: the oracle for reader and writer.</summary>
internal static class RawSafetensors
{
    /// <summary>
    /// A file of this header text and these data bytes, with the true header length unless another is given.
    /// </summary>
    public static byte[] File(string header, byte[] data, ulong? headerLength = null)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var length = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(length, headerLength ?? (ulong)text.Length);
        return [.. length, .. text, .. data];
    }

    public static string Entry(string name, string type, string shape, string offsets) =>
        $$"""
        "{{name}}":{"dtype":"{{type}}","shape":{{shape}},"data_offsets":{{offsets}}}
        """;

    /// <summary>Name, type, shape and bytes of every tensor, read through a JSON document.</summary>
    public static Dictionary<string, (string Type, long[] Shape, byte[] Bytes)> Read(byte[] file)
    {
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file);
        using var json = JsonDocument.Parse(file.AsMemory(8, length));
        return json.RootElement.EnumerateObject().Where(entry => entry.Name != "__metadata__").ToDictionary(
            entry => entry.Name,
            entry =>
            {
                var offsets = entry.Value.GetProperty("data_offsets");
                return (
                    entry.Value.GetProperty("dtype").GetString()!,
                    entry.Value.GetProperty("shape").EnumerateArray().Select(extent => extent.GetInt64()).ToArray(),
                    file[(8 + length + offsets[0].GetInt32())..(8 + length + offsets[1].GetInt32())]);
            });
    }
}
