using System.Text.Json;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// The values of a text that holds one JSON value after another, however white space lies between and inside them. What
/// is no JSON is named with line and column.
/// </summary>
internal static class JsonValues
{
    private static readonly JsonReaderOptions Several = new() { AllowMultipleValues = true };

    /// <returns>Each value and the line that it begins on.</returns>
    /// <exception cref="DataException">The text is no sequence of JSON values, or a key stands twice in one object.</exception>
    public static List<(int Line, object? Value)> Read(string file, ReadOnlySpan<byte> text)
    {
        var values = new List<(int, object?)>();
        if (text.Trim(" \t\r\n"u8).IsEmpty)
            return values;
        var reader = new Utf8JsonReader(text, Several);
        int line = 1, at = 0;
        int? row = null;
        try
        {
            while (reader.Read())
            {
                int start = (int)reader.TokenStartIndex;
                (line, at) = (line + TextPlace.Lines(text, at, start), start);
                row = reader.TokenType == JsonTokenType.StartArray ? null : line;
                values.Add((line, Value(ref reader, file, text)));
                row = null;
            }
        }
        catch (JsonException error)
        {
            throw Broken(file, text, Offset(text, error), row, error);
        }
        catch (InvalidOperationException error)     // Utf8JsonReader.GetString on a lone surrogate
        {
            var place = TextPlace.Of(text, (int)reader.TokenStartIndex);
            throw new DataException(
                "a row of the data holds text that is no valid Unicode", file, row ?? place.Line, found: $"half of a surrogate pair at {place}",
                expected: "whole characters", inner: error);
        }

        return values;
    }

    private static object? Value(ref Utf8JsonReader reader, string file, ReadOnlySpan<byte> text) => reader.TokenType switch
    {
        JsonTokenType.String => reader.GetString(),
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.Null => null,
        JsonTokenType.Number => Number(ref reader),
        JsonTokenType.StartObject => Members(ref reader, file, text),
        _ => Items(ref reader, file, text),
    };

    private static object Number(ref Utf8JsonReader reader) =>
        reader.TryGetInt64(out long integer) ? integer
        : reader.TryGetDouble(out double number) ? number
        : System.Text.Encoding.UTF8.GetString(reader.ValueSpan);

    private static object?[] Items(ref Utf8JsonReader reader, string file, ReadOnlySpan<byte> text)
    {
        var items = new List<object?>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            items.Add(Value(ref reader, file, text));
        return [.. items];
    }

    private static OrderedDictionary<string, object?> Members(ref Utf8JsonReader reader, string file, ReadOnlySpan<byte> text)
    {
        var members = new OrderedDictionary<string, object?>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string key = reader.GetString()!;
            int start = (int)reader.TokenStartIndex;
            reader.Read();
            if (!members.TryAdd(key, Value(ref reader, file, text)))
            {
                var place = TextPlace.Of(text, start);
                throw new DataException(
                    "a key stands twice in one JSON object", file, place.Line, key.Length <= 40 ? key : null, $"the second one at {place}",
                    "every key once", "remove or rename one of the two");
            }
        }

        return members;
    }

    /// <summary>The error's place in the text: the reader counts lines by line feeds alone.</summary>
    private static int Offset(ReadOnlySpan<byte> text, JsonException error)
    {
        int start = 0;
        for (long line = error.LineNumber ?? 0; line > 0; line--)
            start += text[start..].IndexOf((byte)'\n') + 1;
        return (int)Math.Min(text.Length, start + (error.BytePositionInLine ?? 0));
    }

    private static DataException Broken(string file, ReadOnlySpan<byte> text, int offset, int? row, JsonException error)
    {
        var place = TextPlace.Of(text, offset);
        var rest = text[offset..];
        if (rest.StartsWith("\uFEFF"u8))
            return StoredFile.MarkInside(file, place);
        if (rest.StartsWith("NaN"u8) || rest.StartsWith("Infinity"u8) || rest.StartsWith("-Infinity"u8))
            return new(
                "a number of the data is not finite", file, row ?? place.Line, found: $"{(rest[0] == 'N' ? "NaN" : "Infinity")} at {place}",
                expected: "a JSON number, text or null", remedy: "write null in its place or leave the field out", inner: error);
        return new(
            "a data file holds broken JSON", file, row, found: $"an error at {place}",
            expected: "JSON objects, one a line, or one JSON array of objects", inner: error);
    }
}
