using System.Globalization;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// A JSON file that is a single object and yet holds many rows: wrapped in a member, in columns, or under their index.
/// </summary>
internal static class JsonShapes
{
    private static readonly string[] Wrappers =
        ["data", "instances", "rows", "examples", "items", "records", "train", "validation", "test"];

    /// <summary>The rows; null where the object is a row itself.</summary>
    public static IEnumerable<object?>? Rows(string file, OrderedDictionary<string, object?> only)
    {
        string[] wrapped = [.. Wrappers.Where(name => only.TryGetValue(name, out object? value)
            && value is object?[] { Length: > 0 } list
            && list.All(item => item is OrderedDictionary<string, object?> or string))];
        if (wrapped.Length > 1)
            throw new DataException(
                "a JSON data file holds several lists of rows", file, found: string.Join(", ", wrapped),
                expected: "one",
                remedy: "save the list that is meant as a file of its own");
        if (wrapped.Length == 1)
            return ((object?[])only[wrapped[0]]!).Select(Unwrapped);
        return Split(only) ?? ByIndex(only) ?? Columns(only) ?? Lists(only);
    }

    // Hugging Face's data server: {"row_idx": 0, "row": {...}}
    private static object? Unwrapped(object? row) =>
        row is OrderedDictionary<string, object?> fields && fields.ContainsKey("row_idx")
            && fields.TryGetValue("row", out object? inner)
            ? inner
            : row;

    // pandas, orient "split": {"columns": ["a"], "index": [0], "data": [["x"]]}
    private static IEnumerable<object?>? Split(OrderedDictionary<string, object?> only) =>
        only.GetValueOrDefault("columns") is object?[] names && only.GetValueOrDefault("data") is object?[] rows
            && names.All(name => name is string) && names.Distinct().Count() == names.Length
            && rows.All(row => row is object?[] cells && cells.Length == names.Length)
            ? rows.Select(row => Fields(names.Cast<string>(), i => ((object?[])row!)[i]))
            : null;

    // pandas, orient "index": {"0": {"a": "x"}, "1": {"a": "y"}}
    private static IEnumerable<object?>? ByIndex(OrderedDictionary<string, object?> only) =>
        only.Count > 0 && only.All(row => IsNumber(row.Key) && row.Value is OrderedDictionary<string, object?>)
            ? only.Select(row => row.Value)
            : null;

    // pandas, orient "columns": {"a": {"0": "x", "1": "y"}}
    private static IEnumerable<object?>? Columns(OrderedDictionary<string, object?> only)
    {
        var columns = only.Values.OfType<OrderedDictionary<string, object?>>().ToArray();
        if (columns.Length == 0 || columns.Length < only.Count || !columns[0].Keys.All(IsNumber))
            return null;
        string[] keys = [.. columns[0].Keys];
        return columns.All(column => column.Keys.SequenceEqual(keys))
            ? keys.Select(key => Fields(only.Keys, i => columns[i][key]))
            : null;
    }

    // {"a": ["x", "y"], "b": []}: columns as lists; an empty one has no values
    private static IEnumerable<object?>? Lists(OrderedDictionary<string, object?> only)
    {
        var filled = only.Where(column => column.Value is not object?[] { Length: 0 }).ToArray();
        if (filled.Length == 0 || filled.Any(column => column.Value is not object?[] list || IsTalk(list)))
            return null;
        var lists = filled.Select(column => (object?[])column.Value!).ToArray();
        return lists.All(list => list.Length == lists[0].Length)
            ? Enumerable.Range(0, lists[0].Length)
                .Select(row => Fields(filled.Select(column => column.Key), i => lists[i][row]))
            : null;
    }

    // the messages of one conversation, which is one row
    private static bool IsTalk(object?[] list) =>
        list.All(item => item is OrderedDictionary<string, object?> message
            && (message.ContainsKey("role") || message.ContainsKey("from")));

    private static OrderedDictionary<string, object?> Fields(IEnumerable<string> names, Func<int, object?> value)
    {
        var fields = new OrderedDictionary<string, object?>();
        foreach (var (i, name) in names.Index())
            fields.Add(name, value(i));
        return fields;
    }

    private static bool IsNumber(string key) =>
        long.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out _);
}
