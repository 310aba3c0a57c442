using System.Text.Json;

namespace VaccineRef.Experiments.Data;

/// <summary>A JSON value as the rows of data hold it. What is no JSON is named with line and column.</summary>
internal static class JsonValues
{
    /// <summary>Settings for a text that holds one value after another.</summary>
    public static readonly JsonReaderOptions Several = new() { AllowMultipleValues = true, MaxDepth = Deepest };

    // Nobody's data is nested so, and reading goes as deep as the data.
    private const int Deepest = 512;

    /// <summary>Reads the value at the beginning of a text.</summary>
    /// <param name="file">The name of the file.</param>
    /// <param name="text">The text.</param>
    /// <param name="cursor">Where in the file the text begins.</param>
    /// <param name="row">The row that the text is.</param>
    /// <exception cref="DataException">The text is no JSON, or a key stands twice in one object.</exception>
    public static object? Read(string file, ReadOnlySpan<byte> text, TextCursor cursor, int row)
    {
        var reader = new Utf8JsonReader(text, Several);
        try
        {
            reader.Read();
            return Value(ref reader, file, text, cursor);
        }
        catch (JsonException error)
        {
            throw Broken(file, text, cursor, row, error);
        }
        catch (InvalidOperationException error)     // a key that is half a surrogate pair
        {
            var place = cursor.At(text[..(int)reader.TokenStartIndex]);
            throw new DataException(
                "a row of the data has a key that is no valid Unicode", file, row,
                found: $"half of a surrogate pair at {place}",
                expected: "whole characters", inner: error);
        }
    }

    private static object? Value(ref Utf8JsonReader reader, string file, ReadOnlySpan<byte> text, TextCursor cursor) => reader.TokenType switch
    {
        JsonTokenType.String => Text(ref reader),
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        JsonTokenType.Null => null,
        JsonTokenType.Number => Number(ref reader),
        JsonTokenType.StartObject => Members(ref reader, file, text, cursor),
        _ => Items(ref reader, file, text, cursor),
    };

    // half a surrogate pair matters only to whoever needs the field
    private static object? Text(ref Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString();
        }
        catch (InvalidOperationException)
        {
            return new Unreadable("text that is no valid Unicode: half of a surrogate pair");
        }
    }

    private static object Number(ref Utf8JsonReader reader) =>
        reader.TryGetInt64(out long integer) ? integer
        : reader.TryGetDouble(out double number) ? number
        : System.Text.Encoding.UTF8.GetString(reader.ValueSpan);

    private static object?[] Items(ref Utf8JsonReader reader, string file, ReadOnlySpan<byte> text, TextCursor cursor)
    {
        var items = new List<object?>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
            items.Add(Value(ref reader, file, text, cursor));
        return [.. items];
    }

    private static OrderedDictionary<string, object?> Members(
        ref Utf8JsonReader reader, string file, ReadOnlySpan<byte> text, TextCursor cursor)
    {
        var members = new OrderedDictionary<string, object?>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndObject)
        {
            string key = reader.GetString()!;
            int start = (int)reader.TokenStartIndex;
            reader.Read();
            if (!members.TryAdd(key, Value(ref reader, file, text, cursor)))
            {
                var place = cursor.At(text[..start]);
                throw new DataException(
                    "a key stands twice in one JSON object", file, place.Line, key.Length <= 40 ? key : null,
                    $"the second one at {place}",
                    "every key once", "remove or rename one of the two");
            }
        }

        return members;
    }

    /// <summary>The error's place in the text: the reader counts lines by line feeds alone.</summary>
    public static int Offset(ReadOnlySpan<byte> text, JsonException error)
    {
        int start = 0;
        for (long line = error.LineNumber ?? 0; line > 0; line--)
            start += text[start..].IndexOf((byte)'\n') + 1;
        return (int)Math.Min(text.Length, start + (error.BytePositionInLine ?? 0));
    }

    private static int Depth(ReadOnlySpan<byte> text)
    {
        var reader = new Utf8JsonReader(
            text, isFinalBlock: false,
            new JsonReaderState(new() { AllowMultipleValues = true, MaxDepth = int.MaxValue }));
        while (reader.Read())
        {
        }

        return reader.CurrentDepth;
    }

    /// <summary>
    /// The number that stands at the beginning of a text and that JSON does not have; null for any other text.
    /// </summary>
    public static string? NotFinite(ReadOnlySpan<byte> text) =>
        text.StartsWith("NaN"u8) ? "NaN"
        : text.StartsWith("Infinity"u8) || text.StartsWith("-Infinity"u8) ? "Infinity"
        : null;

    /// <summary>The error that a text is no JSON.</summary>
    public static DataException Broken(
        string file, ReadOnlySpan<byte> text, TextCursor cursor, int row, JsonException error)
    {
        int offset = Offset(text, error);
        var place = cursor.At(text[..offset]);
        var rest = text[offset..];
        if (rest.StartsWith(TextStream.Mark))
            return TextStream.MarkInside(file, place);
        if (NotFinite(rest) is { } number)
            return new(
                "a number of the data is not finite", file, row, found: $"{number} at {place}",
                expected: "a JSON number, text or null", remedy: "write null in its place or leave the field out",
                inner: error);
        if (Depth(text[..offset]) >= Deepest - 1)                      // the error is at what would go deeper
            return new(
                "a data file is nested too deeply", file, row, found: $"{Deepest} levels at {place}",
                expected: $"fewer than {Deepest}", inner: error);
        return new(
            "a data file holds broken JSON", file, row, found: $"an error at {place}",
            expected: "JSON objects, one a line, or one JSON array of objects", inner: error);
    }
}
