using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>All examples of one file, in the order of the file.</summary>
/// <param name="Source">The file that they come from, and how it was read.</param>
/// <param name="Examples">The rows of the file. There is at least one.</param>
public sealed record DataSet(SourceFile Source, ImmutableArray<Example> Examples)
{
    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="task">How a row becomes an example.</param>
    /// <param name="format">The format of the file.</param>
    /// <exception cref="DataException">
    /// The file cannot be read, it holds no row, or a row does not fit the task.
    /// </exception>
    public static DataSet Read(string path, TaskPreset task, DataFormat format = DataFormat.Auto)
    {
        var file = StoredFile.Load(path);
        format = format == DataFormat.Auto ? Detect(file) : format;
        ImmutableArray<Example> examples = [.. Rows(file, format, task.Columns).Select(row => task.ToExample(row) with { File = file.Sha256 })];
        if (examples.IsEmpty)
            throw Empty(file);
        string reader = $"{(file.IsGzip ? "gzip " : "")}{Name(format)} as {task.Id}";
        return new(new(file.Name, file.Sha256, file.Bytes, examples.Length, reader), examples);
    }

    /// <summary>Reads the rows of a file as they are. There is at least one.</summary>
    /// <exception cref="DataException">The file cannot be read, or it holds no row.</exception>
    internal static IReadOnlyList<DataRow> Rows(string path)
    {
        var file = StoredFile.Load(path);
        DataRow[] rows = [.. Rows(file, Detect(file), [])];
        return rows.Length > 0 ? rows : throw Empty(file);
    }

    private static IEnumerable<DataRow> Rows(StoredFile file, DataFormat format, ImmutableArray<string> columns) =>
        format switch
        {
            DataFormat.JsonArray => JsonRows.FromArray(file),
            DataFormat.JsonLines => JsonRows.FromLines(file),
            DataFormat.Parquet => ParquetRows.From(file),
            _ => DelimitedRows.From(file, format, columns),
        };

    /// <summary>The format on which the extension and the first byte of the file agree.</summary>
    private static DataFormat Detect(StoredFile file)
    {
        var start = file.Content.Span;
        if (!start.StartsWith("PAR1"u8))
            start = file.Utf8().Span.TrimStart(" \t\r\n"u8);
        bool parquet = start.StartsWith("PAR1"u8);
        char first = start.IsEmpty ? '\0' : (char)start[0];
        DataFormat? format = (file.Extension, first) switch
        {
            (".parquet", _) when parquet => DataFormat.Parquet,
            (".csv", not '\0') when !parquet => DataFormat.Csv,
            (".tsv", not '\0') when !parquet => DataFormat.Tsv,
            (not (".parquet" or ".csv" or ".tsv"), '[') => DataFormat.JsonArray,
            (not (".parquet" or ".csv" or ".tsv"), '{' or '"') => DataFormat.JsonLines,
            _ => null,
        };
        if (format is not null)
            return format.Value;
        if (start.IsEmpty)
            throw Empty(file);
        throw new DataException(
            "a data file's format cannot be told", file.Name,
            found: $"extension '{file.Extension}', first byte 0x{start[0]:X2}{(parquet ? " (parquet)" : "")}",
            expected: ".csv, .tsv, .parquet with PAR1, or any other name with JSON, which begins with [ or {; or .gz of them",
            remedy: "choose the format explicitly");
    }

    private static DataException Empty(StoredFile file) => new(
        "a data file holds no rows", file.Name, found: $"{file.Bytes} bytes", expected: "at least one row");

    private static string Name(DataFormat format) => format switch
    {
        DataFormat.JsonArray => "json-array",
        DataFormat.JsonLines => "json-lines",
        _ => format.ToString().ToLowerInvariant(),
    };
}
