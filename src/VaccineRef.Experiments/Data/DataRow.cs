using System.Globalization;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// One row as its file has it. Each field has a name and holds a string, a bool, a number (long, double or decimal),
/// null, a nested row of the same kinds, or a list. If a field does not hold what an accessor asks for, the exception
/// names the file, the row and the field.
/// </summary>
/// <param name="file">The name of the file.</param>
/// <param name="number">The number of the row, counted from 1.</param>
/// <param name="fields">The fields, in the order of the file.</param>
public sealed class DataRow(string file, int number, IReadOnlyDictionary<string, object?> fields)
{
    /// <summary>The id of the row, in the form "file:row".</summary>
    public string Id => $"{file}:{number}";

    /// <summary>Whether the row has the field, even if it is null.</summary>
    public bool Has(string field) => fields.ContainsKey(field);

    /// <summary>The value of a field that must hold text.</summary>
    public string Text(string field) =>
        Value(field) as string ?? throw Wrong(field, "text");

    /// <summary>The value of a field that holds text, or the empty string if the field is missing or null.</summary>
    public string TextOrEmpty(string field) => fields.GetValueOrDefault(field) is null ? "" : Text(field);

    /// <summary>The value of a field that must hold true or false.</summary>
    public bool Flag(string field) => Value(field) switch
    {
        bool flag => flag,
        string text when bool.TryParse(text, out bool flag) => flag,
        _ => throw Wrong(field, "true or false"),
    };

    /// <summary>
    /// The name that belongs to the value of a field. The value must be an integer: <paramref name="first"/> stands for
    /// the first name, <paramref name="first"/> + 1 for the second, and so on.
    /// </summary>
    public string OneOf(string field, int first, params ReadOnlySpan<string> names)
    {
        long? label = Value(field) switch
        {
            long integer => integer,
            string text when Integer(text, out long parsed) => parsed,
            _ => null,
        };
        return label >= first && label < first + names.Length
            ? names[(int)(label.Value - first)]
            : throw Wrong(field, $"an integer from {first} to {first + names.Length - 1}");
    }

    /// <summary>The value of a field of any scalar type, as text in the invariant culture.</summary>
    public string? Scalar(string field) => Value(field) switch
    {
        null => null,
        string text => text,
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw Wrong(field, "text, a number, true or false"),
    };

    /// <summary>
    /// The names of the flags that are true, in the order of the file. The field must hold a nested row of flags.
    /// </summary>
    public IEnumerable<string> Flags(string field)
    {
        if (Value(field) is not IReadOnlyDictionary<string, object?> nested)
            throw Wrong(field, "an object whose members are true or false");
        var row = new DataRow(file, number, nested);
        return nested.Keys.Where(row.Flag);
    }

    /// <summary>Makes the exception that says that a field does not hold what was expected.</summary>
    public DataException Wrong(string field, string expected) => new(
        "a field of the data has the wrong content", file, number, field, Describe(fields.GetValueOrDefault(field)),
        expected);

    private object? Value(string field) => fields.TryGetValue(field, out object? value)
        ? value
        : throw new DataException(
            "a row of the data lacks a field", file, number, field,
            found: fields.Count == 0 ? "no fields" : string.Join(", ", fields.Keys.Select(Quote)),
            expected: Quote(field), remedy: "name the task preset or the field map that fits this file");

    private static bool Integer(string text, out long value) =>
        long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);

    private static string Describe(object? value) => value switch
    {
        null => "null",
        string { Length: <= 8 } text when Integer(text, out long parsed) => $"'{parsed}'",
        string text => $"a string of {text.Length} characters",
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        IReadOnlyDictionary<string, object?> => "an object",
        _ => "a list",
    };

    // If a file has no header, the name of a field may in fact be data. So a long name is not quoted; only its length
    // is told.
    private static string Quote(string name) => name.Length <= 40 ? $"'{name}'" : $"a name of {name.Length} characters";
}
