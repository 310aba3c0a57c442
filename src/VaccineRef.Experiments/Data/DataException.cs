using VaccineRef.Core;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Something is wrong with a data file or with the choice of rows from it. Some data is harmful by nature, so the
/// message never contains text of the data: values are described ("a string of 12 characters"), and only keys are
/// quoted.
/// </summary>
public sealed class DataException : InputException
{
    /// <summary>Composes the message. Parts that are null are left out.</summary>
    /// <param name="what">What is wrong, as one sentence without a full stop.</param>
    /// <param name="file">The file at fault, or the id of the row if the file has been read already.</param>
    /// <param name="row">The row at fault, counted from 1.</param>
    /// <param name="field">The field at fault.</param>
    /// <param name="found">What was found there.</param>
    /// <param name="expected">What was expected there.</param>
    /// <param name="remedy">What the user can do about it.</param>
    /// <param name="inner">The exception that reported the problem, if there was one.</param>
    public DataException(
        string what, string? file = null, int? row = null, string? field = null, string? found = null,
        string? expected = null, string? remedy = null, Exception? inner = null)
        : base(what, Place(file, row, field), found, expected, remedy, inner)
    {
        File = file;
        Row = row;
        Field = field;
    }

    /// <summary>The file at fault, or null if it is not known.</summary>
    public string? File { get; }

    /// <summary>The row at fault, counted from 1, or null if it is not known.</summary>
    public int? Row { get; }

    /// <summary>The field at fault, or null if it is not known.</summary>
    public string? Field { get; }

    private static string? Place(string? file, int? row, string? field)
    {
        string?[] parts = [file, row is null ? null : $"row {row}", field is null ? null : $"field '{field}'"];
        string place = string.Join(", ", parts.Where(part => part is not null));
        return place.Length == 0 ? null : place;
    }
}
