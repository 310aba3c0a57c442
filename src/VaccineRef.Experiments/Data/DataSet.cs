using System.Collections.Immutable;

namespace VaccineRef.Experiments.Data;

/// <summary>All examples of one or several files, in the order of the files.</summary>
/// <param name="Sources">The files that they come from, and how each was read. There is at least one.</param>
/// <param name="Examples">The rows of the files. There is at least one.</param>
public sealed record DataSet(ImmutableArray<SourceFile> Sources, ImmutableArray<Example> Examples)
{
    /// <summary>The file that the examples come from; the first where there are several.</summary>
    public SourceFile Source => Sources[0];

    /// <summary>The name of the file; of several, the first and how many more.</summary>
    public string Name => Sources.Length == 1 ? Source.Name : $"{Source.Name} and {Sources.Length - 1} more";

    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="task">How a row becomes an example.</param>
    /// <param name="format">The format of the file.</param>
    /// <param name="rows">The rows that are taken, by their numbers; all where it is null.</param>
    /// <param name="cancel">Stops after the row under way.</param>
    /// <exception cref="DataException">
    /// The file cannot be read, it holds no such row, or a row does not fit the task.
    /// </exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static DataSet Read(
        string path, TaskPreset task, DataFormat format = DataFormat.Auto, RowRange? rows = null,
        CancellationToken cancel = default)
    {
        using var file = StoredFile.Open(path, cancel);
        format = format == DataFormat.Auto ? Detect(file) : format;
        var examples = new List<Example>();
        int last = 0;
        new BadRows(file.Name).Each(Rows(file, format, task.Columns), row =>
        {
            cancel.ThrowIfCancellationRequested();
            last = row.Number;
            if (rows is null || rows.Holds(row.Number))
                examples.Add(task.ToExample(row.Require()));
            return rows is null || row.Number < rows.Last;
        });

        if (examples.Count == 0)
            throw Missing(file, rows, last);
        var (hash, bytes) = file.Finish();
        string reader = $"{(file.Compressed is { } kind ? kind + " " : "")}{NameOf(format)} as {task.Id}{(rows is null ? "" : $", rows {rows}")}";
        return new(
            [new(file.Name, hash, bytes, examples.Count, reader)],
            [.. examples.Select(example => example with { File = hash })]);
    }

    /// <summary>Reads the rows of a file as they are, and does something with each. There is at least one.</summary>
    /// <exception cref="DataException">The file cannot be read, or it holds no row.</exception>
    internal static ImmutableArray<T> Rows<T>(
        string path, Func<DataRow, T> read, DataFormat format = DataFormat.Auto, RowRange? range = null,
        CancellationToken cancel = default)
    {
        using var file = StoredFile.Open(path, cancel);
        var rows = ImmutableArray.CreateBuilder<T>();
        int last = 0;
        new BadRows(file.Name).Each(Rows(file, format == DataFormat.Auto ? Detect(file) : format, []), row =>
        {
            cancel.ThrowIfCancellationRequested();
            last = row.Number;
            if (range is null || range.Holds(row.Number))
                rows.Add(read(row.Require()));
            return range is null || row.Number < range.Last;
        });
        return rows.Count == 0 ? throw Missing(file, range, last) : rows.ToImmutable();
    }

    private static IEnumerable<DataRow> Rows(StoredFile file, DataFormat format, ImmutableArray<string> columns) =>
        format switch
        {
            DataFormat.JsonArray or DataFormat.JsonLines => JsonRows.From(file, format),
            DataFormat.Parquet => ParquetRows.From(file),
            DataFormat.Text => TextRows.From(file),
            _ => DelimitedRows.From(file, format, columns),
        };

    /// <summary>The format on which the extension and the first byte of the file agree.</summary>
    private static DataFormat Detect(StoredFile file)
    {
        bool parquet = file.IsParquet;
        var start = parquet ? default : file.Text.Next().TrimStart(" \t\r\n"u8);
        char first = parquet ? 'P' : start.IsEmpty ? '\0' : (char)start[0];
        DataFormat? format = (file.Extension, first) switch
        {
            (".parquet", _) when parquet => DataFormat.Parquet,
            (".csv", not '\0') when !parquet => DataFormat.Csv,
            (".tsv", not '\0') when !parquet => DataFormat.Tsv,
            (not (".parquet" or ".csv" or ".tsv"), '[') => DataFormat.JsonArray,
            (not (".parquet" or ".csv" or ".tsv"), '{' or '"') => DataFormat.JsonLines,
            (".txt", not '\0') when !parquet => DataFormat.Text,
            _ => null,
        };
        if (format is not null)
            return format.Value;
        if (first == '\0')
            throw Empty(file, file.Finish().Bytes);
        throw new DataException(
            "a data file's format cannot be told", file.Name,
            found: $"extension '{file.Extension}', first byte 0x{(int)first:X2}{(parquet ? " (parquet)" : "")}",
            expected: ".csv, .tsv, .txt, .parquet with PAR1, or any other name with JSON, which begins with [ or {; or .gz, .xz or .zst of them",
            remedy: "choose the format explicitly");
    }

    private static DataException Missing(StoredFile file, RowRange? rows, int last) => last == 0
        ? Empty(file, file.Finish().Bytes)
        : new("a data file has no such rows", file.Name, found: $"rows up to {last}", expected: $"rows {rows}");

    private static DataException Empty(StoredFile file, long bytes) => new(
        "a data file holds no rows", file.Name, found: $"{bytes} bytes", expected: "at least one row");

    private static string NameOf(DataFormat format) => format switch
    {
        DataFormat.JsonArray => "json-array",
        DataFormat.JsonLines => "json-lines",
        _ => format.ToString().ToLowerInvariant(),
    };
}
