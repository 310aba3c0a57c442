using System.Text.Json;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads rows from JSON. A key that occurs twice in one object is an error, and so is text that is not valid Unicode.
/// </summary>
internal static class JsonRows
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    public static IEnumerable<DataRow> FromLines(StoredFile file)
    {
        var text = file.Utf8();
        for (int line = 1; !text.IsEmpty; line++)
        {
            int end = text.Span.IndexOf((byte)'\n');
            var current = end < 0 ? text : text[..end];
            text = end < 0 ? default : text[(end + 1)..];
            if (current.Span.Trim(" \t\r"u8).IsEmpty)
                continue;

            using var document = Parse(current, file.Name, line);
            yield return Row(file.Name, line, document.RootElement);
        }
    }

    public static IEnumerable<DataRow> FromArray(StoredFile file)
    {
        using var document = Parse(file.Utf8(), file.Name, row: null);
        if (document.RootElement.ValueKind != JsonValueKind.Array)
            throw new DataException(
                "a JSON data file is no array", file.Name,
                found: Kind(document.RootElement), expected: "[ {...}, ... ]");
        int row = 0;
        foreach (var element in document.RootElement.EnumerateArray())
            yield return Row(file.Name, ++row, element);
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> json, string file, int? row)
    {
        try
        {
            return JsonDocument.Parse(json, Strict);
        }
        catch (JsonException error)
        {
            throw new DataException(
                "a data file holds broken JSON", file, row,
                expected: row is null ? "a JSON array" : "one JSON object a line",
                found: $"an error at line {error.LineNumber + (row ?? 1)}, byte {error.BytePositionInLine}",
                inner: error);
        }
    }

    private static DataRow Row(string file, int row, JsonElement element)
    {
        if (element.ValueKind != JsonValueKind.Object)
            throw new DataException(
                "a row of the data is no object", file, row,
                found: Kind(element), expected: "{...}");
        try
        {
            return new DataRow(file, row, Fields(element));
        }
        catch (InvalidOperationException error)     // JsonElement.GetString throws this for a lone surrogate.
        {
            throw new DataException("a row of the data holds text that is no valid Unicode", file, row, inner: error);
        }
    }

    private static OrderedDictionary<string, object?> Fields(JsonElement element)
    {
        var fields = new OrderedDictionary<string, object?>();
        foreach (var property in element.EnumerateObject())
            fields.Add(property.Name, Value(property.Value));
        return fields;
    }

    private static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => element.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Null => null,
        JsonValueKind.Number => element.TryGetInt64(out long integer) ? integer : element.GetDouble(),
        JsonValueKind.Object => Fields(element),
        _ => element.EnumerateArray().Select(Value).ToArray(),
    };

    private static string Kind(JsonElement element) => element.ValueKind.ToString().ToLowerInvariant();
}
