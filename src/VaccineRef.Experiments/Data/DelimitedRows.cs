using System.Collections.Immutable;
using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// Reads rows from comma-separated or tab-separated text. Fields are taken as they are; no spaces are trimmed.
/// </summary>
internal static class DelimitedRows
{
    /// <param name="file">The file.</param>
    /// <param name="format">Csv, which is quoted as in RFC 4180, or Tsv, which has no quoting.</param>
    /// <param name="columns">
    /// The names of the columns, if the file has no header. If this is empty, the first row has the names.
    /// </param>
    public static IEnumerable<DataRow> From(StoredFile file, DataFormat format, ImmutableArray<string> columns)
    {
        int row = -1;                               // the header is row 0
        string delimiter = format == DataFormat.Tsv ? "\t" : Delimiter(file.Text.Next());
        using var text = new LimitedReader(file, () => row + 1);
        using var parser = new CsvParser(text, Configuration(file.Name, format, delimiter, () => row));
        string[] names = [];
        while (Read(parser, file.Name, row))
        {
            string[] record = parser.Record!;
            text.Begin();
            if (++row == 0)
            {
                names = columns.IsEmpty || IsHeader(record, columns) ? record : [.. columns];
                if (names == record)
                    continue;
                row++;
            }

            yield return Row(file.Name, row, names, record);
        }
    }

    private static DataRow Row(string file, int row, string[] names, string[] record)
    {
        if (record.Length != names.Length)
            return new(file, row, new DataException(
                "a row of the data has the wrong number of columns", file, row,
                found: $"{record.Length} columns",
                expected: $"{names.Length}: {string.Join(", ", names.Take(20))}{(names.Length > 20 ? ", ..." : "")}"));
        var fields = new OrderedDictionary<string, object?>(record.Length);
        foreach (var (name, value) in names.Zip(record))
            if (!fields.TryAdd(name, value))
                fields[name] = new Unreadable("two columns of this name");
        return new DataRow(file, row, fields);
    }

    // A header without any comma and with semicolons or tabs can only be delimited by these: spreadsheets write so
    // where the comma is the decimal point.
    private static string Delimiter(ReadOnlySpan<byte> start)
    {
        int end = start.IndexOfAny((byte)'\n', (byte)'\r');
        var first = end < 0 ? start : start[..end];
        return first.Contains((byte)',') ? ","
            : first.Contains((byte)'\t') ? "\t"
            : first.Contains((byte)';') ? ";"
            : ",";
    }

    /// <summary>
    /// Whether the first row of a file that may come without a header is one: it holds no number, and names what is
    /// known.
    /// </summary>
    private static bool IsHeader(string[] record, ImmutableArray<string> columns)
    {
        string[] known = [.. columns.Select(DataRow.Plain), "label", "text", "class", "classid"];
        return record.Select(DataRow.Plain).Count(known.Contains) >= 2
            && !record.Any(cell => LabelValue.Integer(cell) is not null);
    }

    private static CsvConfiguration Configuration(string file, DataFormat format, string delimiter, Func<int> row) =>
        new(CultureInfo.InvariantCulture)
        {
            Delimiter = delimiter,
            Mode = format == DataFormat.Csv ? CsvMode.RFC4180 : CsvMode.NoEscape,
            TrimOptions = TrimOptions.None,
            IgnoreBlankLines = true,
            BadDataFound = _ => throw Unquoted(file, row() + 1),
        };

    // A quoted field without an end would swallow the rest of the file without an error. CsvHelper shows this only in
    // its raw record, whose quotation marks are therefore counted.
    private static bool Read(CsvParser parser, string file, int row)
    {
        bool read = parser.Read();
        return !read || parser.Configuration.Mode == CsvMode.NoEscape || parser.RawRecord.Count(c => c == '"') % 2 == 0
            ? read
            : throw Unquoted(file, row + 1);
    }

    private static DataException Unquoted(string file, int row) => new(
        "a row of the data is quoted wrongly", file, row,
        expected: "quotes around a whole field, doubled inside it (RFC 4180)",
        remedy: "if the file knows no quoting, read it as Tsv");
}
