namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads rows from JSON. A key that occurs twice in one object is an error, and so is text that is not valid Unicode.
/// </summary>
internal static class JsonRows
{
    /// <summary>The name of the one field of a row that is nothing but text.</summary>
    public const string Text = "prompt";

    /// <summary>
    /// Rows from objects, each numbered by the line that it begins on; or from a single object or array that holds them
    /// all, numbered from 1.
    /// </summary>
    public static IEnumerable<DataRow> FromLines(StoredFile file)
    {
        var values = JsonValues.Read(file.Name, file.Utf8().Span);
        if (values is [(_, object?[] list)])
            return list.Select((value, i) => Row(file.Name, i + 1, value));
        if (values is [(_, OrderedDictionary<string, object?> only)] && JsonShapes.Rows(file.Name, only) is { } rows)
            return rows.Select((value, i) => Row(file.Name, i + 1, value));
        for (int i = 1; i < values.Count; i++)
            if (values[i].Line == values[i - 1].Line)
                throw new DataException(
                    "two rows of the data stand on one line", file.Name, values[i].Line, expected: "one JSON object a line",
                    remedy: "break the line, or make the file one JSON array");
        return values.Select(value => Row(file.Name, value.Line, value.Value));
    }

    /// <summary>Rows from one array, numbered from 1.</summary>
    public static IEnumerable<DataRow> FromArray(StoredFile file) => JsonValues.Read(file.Name, file.Utf8().Span) switch
    {
        [(_, object?[] list)] => list.Select((value, i) => Row(file.Name, i + 1, value)),
        [] => [],
        var values => throw new DataException(
            "a JSON data file is no array", file.Name, found: values is [var (_, value)] ? Kind(value) : $"{values.Count} values",
            expected: "[ {...}, ... ]"),
    };

    private static DataRow Row(string file, int row, object? value) => value switch
    {
        OrderedDictionary<string, object?> fields => new(file, row, fields),
        string text => new(file, row, new OrderedDictionary<string, object?> { [Text] = text }),
        _ => throw new DataException("a row of the data is no object", file, row, found: Kind(value), expected: "{...}, or text for a prompt"),
    };

    private static string Kind(object? value) => value switch
    {
        null => "null",
        string => "a string",
        bool => "true or false",
        object?[] => "an array",
        OrderedDictionary<string, object?> => "an object",
        _ => "a number",
    };
}
