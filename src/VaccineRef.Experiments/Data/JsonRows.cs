namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads rows from JSON: objects one after another, each numbered by the line that it begins on; or the elements of one
/// array, or the rows of one object that holds them all, numbered from 1. A key that occurs twice in one object is an
/// error.
/// </summary>
internal static class JsonRows
{
    /// <summary>The name of the one field of a row that is nothing but text.</summary>
    public const string Text = "prompt";

    /// <exception cref="DataException">The text is no such JSON.</exception>
    public static IEnumerable<DataRow> From(StoredFile file, DataFormat format)
    {
        var source = new JsonSource(file.Name, file.Text);
        if (source.Next() is not { } first)
            return [];
        if (first != '[' && format == DataFormat.JsonArray)
            throw new DataException(
                "a JSON data file is no array", file.Name,
                found: first == '{' ? "an object" : $"'{first}' as the first character", expected: "[ {...}, ... ]");
        return first == '[' ? Elements(file.Name, source) : Objects(file.Name, source);
    }

    private static IEnumerable<DataRow> Elements(string file, JsonSource source)
    {
        source.Skip();
        int row = 0;
        while (source.Next() is { } next && (row > 0 || next != ']'))
        {
            yield return Row(file, ++row, source.Value(row, StoredFile.LongestRow));
            next = source.Next() ?? ' ';
            if (next == ']')
                break;
            if (next != ',')
                throw Broken(
                    file, row, next == ' ' ? "the end of the file" : $"'{next}'", "a comma, or the ] of the array");
            source.Skip();
        }

        if (source.Next() != ']')
            throw Broken(file, row, "the end of the file", "the ] of the array");
        source.Skip();
        if (source.Next() is { } more)
            throw Broken(file, row, $"'{more}' behind the array", "nothing");
    }

    private static DataException Broken(string file, int row, string found, string expected) =>
        new("a data file holds broken JSON", file, row, found: $"{found} after element {row}", expected: expected);

    private static IEnumerable<DataRow> Objects(string file, JsonSource source)
    {
        int line = source.Line;
        object? value = source.Value(line, StoredFile.LongestObject);
        if (source.Next() is null && value is OrderedDictionary<string, object?> only
            && JsonShapes.Rows(file, only) is { } rows)
        {
            foreach (var (i, row) in rows.Index())
                yield return Row(file, i + 1, row);
            yield break;
        }

        yield return Row(file, line, value);
        while (source.Next() is not null)
        {
            int next = source.Line;
            var row = Row(file, next, source.Value(next, StoredFile.LongestRow));
            if (next == line)
                throw new DataException(
                    "two rows of the data stand on one line", file, line, expected: "one JSON object a line",
                    remedy: "break the line, or make the file one JSON array");
            line = next;
            yield return row;
        }
    }

    private static DataRow Row(string file, int row, object? value) => value switch
    {
        OrderedDictionary<string, object?> fields => new(file, row, fields),
        string text => new(file, row, new OrderedDictionary<string, object?> { [Text] = text }),
        _ => new(
            file, row, new DataException(
                "a row of the data is no object", file, row, found: Kind(value),
                expected: "{...}, or text for a prompt")),
    };

    private static string Kind(object? value) => value switch
    {
        null => "null",
        Unreadable unreadable => unreadable.Why,
        bool => "true or false",
        object?[] => "an array",
        _ => "a number",
    };
}
