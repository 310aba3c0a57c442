using VaccineRef.Core;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// A data file, or a choice of rows from it, is not what it should be. The message never contains text of the data:
/// some of it is harmful by nature, so values are described ("a string of 12 characters") and only keys are quoted.
/// </summary>
public sealed class DataException : InputException
{
    /// <summary>Composes the message; parts that are null are left out.</summary>
    /// <param name="what">What is wrong, as one sentence without a full stop.</param>
    /// <param name="file">The file (or, past reading, the row id) at fault.</param>
    /// <param name="row">The row at fault, counted from 1.</param>
    /// <param name="field">The field at fault.</param>
    /// <param name="found">What stands there.</param>
    /// <param name="expected">What should stand there.</param>
    /// <param name="remedy">What the user can do about it.</param>
    /// <param name="inner">The exception that told us, if any.</param>
    public DataException(
        string what, string? file = null, int? row = null, string? field = null, string? found = null,
        string? expected = null, string? remedy = null, Exception? inner = null)
        : base(what, Place(file, row, field), found, expected, remedy, inner)
    {
        File = file;
        Row = row;
        Field = field;
    }

    /// <summary>The file at fault, if known.</summary>
    public string? File { get; }

    /// <summary>The row at fault, counted from 1, if known.</summary>
    public int? Row { get; }

    /// <summary>The field at fault, if known.</summary>
    public string? Field { get; }

    private static string? Place(string? file, int? row, string? field)
    {
        string?[] parts = [file, row is null ? null : $"row {row}", field is null ? null : $"field '{field}'"];
        string place = string.Join(", ", parts.Where(part => part is not null));
        return place.Length == 0 ? null : place;
    }
}
