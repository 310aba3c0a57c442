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
/// <param name="names">
/// What the file calls a field that a task has another name for; null where it has the task's names.
/// </param>
public sealed class DataRow(
    string file, int number, IReadOnlyDictionary<string, object?> fields,
    IReadOnlyDictionary<string, string>? names = null)
{
    private readonly DataException? _wrong;

    /// <summary>A row that cannot be read, while those behind it can.</summary>
    internal DataRow(string file, int number, DataException wrong)
        : this(file, number, new OrderedDictionary<string, object?>()) => _wrong = wrong;

    /// <summary>The number of the row, counted from 1.</summary>
    public int Number => number;

    /// <summary>The row, if it could be read.</summary>
    /// <exception cref="DataException">It could not.</exception>
    internal DataRow Require() => _wrong is null ? this : throw _wrong;

    /// <summary>The id of the row, in the form "file:row".</summary>
    public string Id => $"{file}:{number}";

    /// <summary>The row with the names that a task has for its fields.</summary>
    /// <param name="theirs">For each name of the task's, the file's.</param>
    /// <exception cref="DataException">The row has no such field.</exception>
    public DataRow Renamed(IReadOnlyDictionary<string, string> theirs)
    {
        var renamed = new OrderedDictionary<string, object?>(fields.ExceptBy(theirs.Values, field => field.Key));
        foreach (var (ours, name) in theirs)
            renamed[ours] = fields.TryGetValue(name, out object? value) ? value : throw Lacks(name, Quote(name));
        return new(file, number, renamed, theirs);
    }

    /// <summary>Whether the row has the field, even if it is null.</summary>
    public bool Has(string field) => fields.ContainsKey(field);

    /// <summary>The names of the fields, in the order of the file.</summary>
    public IEnumerable<string> Names => fields.Keys;

    /// <summary>The value of a field that must hold text.</summary>
    public string Text(string field) =>
        Value(field) as string ?? throw Wrong(field, "text");

    /// <summary>The value of a field that holds text, or the empty string if the field is missing or null.</summary>
    public string TextOrEmpty(string field) => fields.GetValueOrDefault(field) is null ? "" : Text(field);

    /// <summary>A field that must hold true or false.</summary>
    public bool Flag(string field) => LabelValue.Flag(Value(field)) ?? throw Wrong(field, "true or false");

    /// <summary>
    /// A field that must hold a class: one of the integers 0, 1, ..., names.Length - 1 plus <paramref name="first"/>,
    /// or one of the names in any letter case. Its name, and its integer as text.
    /// </summary>
    public (string Name, string Label) Class(string field, int first, params ReadOnlySpan<string> names)
    {
        object? value = Value(field);
        bool isFlag = value is bool || bool.TryParse(value as string, out _);
        // a flag tells two classes apart, not more
        long? label = isFlag && names.Length != 2 ? null : LabelValue.Integer(value);
        for (int i = 0; i < names.Length && label is null; i++)
            if (value is string text && text.Trim().Equals(names[i], StringComparison.OrdinalIgnoreCase))
                label = first + i;
        return label >= first && label < first + names.Length
            ? (names[(int)(label.Value - first)], label.Value.ToString(CultureInfo.InvariantCulture))
            : throw Wrong(
                field, $"an integer from {first} to {first + names.Length - 1}, or {string.Join(", ", names)}");
    }

    /// <summary>
    /// The field that has one of these names, the first that the row has; letter case, spaces, hyphens and underscores
    /// do not matter.
    /// </summary>
    public string? Known(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
        {
            string plain = Plain(name);
            if (fields.Keys.FirstOrDefault(field => Plain(field) == plain) is { } found)
                return found;
        }

        return null;
    }

    /// <summary>A name without letter case, spaces, hyphens and underscores.</summary>
    internal static string Plain(string name) => string.Concat(name.Where(char.IsLetterOrDigit)).ToLowerInvariant();

    /// <summary>A field of any scalar type, as text in the invariant culture.</summary>
    public string? Scalar(string field) => Value(field) switch
    {
        null => null,
        string text => text,
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw Wrong(field, "text, a number, true or false"),
    };

    /// <summary>The categories of a row in words, whatever type the field has; null where it has none.</summary>
    public string? Categories(string field) => LabelValue.Categories(fields.GetValueOrDefault(field));

    /// <summary>A field whatever it holds.</summary>
    internal object? Raw(string field) => Value(field);

    /// <summary>A value that stands in a field as JSON text.</summary>
    internal object? Json(string field, ReadOnlySpan<byte> text)
    {
        try
        {
            return JsonValues.Read(file, text, default, number);
        }
        catch (DataException error) when (error.Field is null)
        {
            throw new DataException(
                "a field of the data holds broken JSON", file, number, field, expected: "JSON", inner: error);
        }
    }

    /// <summary>Makes the exception that says that a field does not hold what was expected.</summary>
    public DataException Wrong(string field, string expected) =>
        Wrong(field, fields.GetValueOrDefault(field), expected);

    /// <summary>As <see cref="Wrong(string, string)"/>, of a part of a field.</summary>
    internal DataException Wrong(string field, object? found, string expected) =>
        WrongAsShown(field, Describe(found), expected);

    /// <summary>As <see cref="Wrong(string, string)"/>, where it is known how what was found may be shown.</summary>
    internal DataException WrongAsShown(string field, string shown, string expected) =>
        new("a field of the data has the wrong content", file, number, Shown(field), shown, expected);

    /// <summary>Makes the exception that says that the row has no such field.</summary>
    internal DataException Lacks(string field, string expected) => new(
        "a row of the data lacks a field", file, number, field,
        found: fields.Count == 0 ? "no fields" : string.Join(", ", fields.Keys.Select(Quote)),
        expected, remedy: "name the task preset or the field map that fits this file; for an evaluation, "
            + "prompts without answers are the preset 'prompts'");

    private object? Value(string field) => !fields.TryGetValue(field, out object? value) ? throw Lacks(
        field, Quote(field))
        : value is not Unreadable unreadable ? value
        : throw new DataException(
            "a field of the data cannot be read", file, number, Shown(field), unreadable.Why, "one value");

    private string Shown(string field) => names?.GetValueOrDefault(field) ?? field;

    /// <summary>What a value is, without the texts of the data.</summary>
    internal static string Describe(object? value) => value switch
    {
        null => "null",
        string { Length: <= 8 } text when LabelValue.Integer(text) is { } parsed => $"'{parsed}'",
        string text => $"a string of {text.Length} characters",
        bool flag => flag ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        IReadOnlyDictionary<string, object?> => "an object",
        Unreadable unreadable => unreadable.Why,
        _ => "a list",
    };

    // If a file has no header, the name of a field may in fact be data. So a long name is not quoted; only its length
    // is told.
    private static string Quote(string name) => name.Length <= 40 ? $"'{name}'" : $"a name of {name.Length} characters";
}
