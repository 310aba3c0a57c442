using System.Collections.Immutable;
using System.Globalization;
using System.Text;
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
        string content = Encoding.UTF8.GetString(file.Utf8().Span);
        string delimiter = Delimiter(content, format);
        if (!columns.IsEmpty && HasHeader(content, file.Name, format, delimiter, columns))
            columns = [];
        using var text = new StringReader(content);
        int row = columns.IsEmpty ? -1 : 0;         // the header is row 0
        using var parser = new CsvParser(text, Configuration(file.Name, format, delimiter, () => row));
        string[] names = [.. columns];
        while (Read(parser, file.Name, row))
        {
            string[] record = parser.Record!;
            if (++row == 0)
            {
                names = Header(record, file.Name);
                continue;
            }

            if (record.Length != names.Length)
                throw new DataException(
                    "a row of the data has the wrong number of columns", file.Name, row,
                    found: $"{record.Length} columns", expected: $"{names.Length}: {string.Join(", ", names)}");
            var fields = new OrderedDictionary<string, object?>(record.Length);
            for (int i = 0; i < record.Length; i++)
                fields.Add(names[i], record[i]);
            yield return new DataRow(file.Name, row, fields);
        }
    }

    // A header without any comma and with semicolons or tabs can only be delimited by these: spreadsheets write so where
    // the comma is the decimal point.
    private static string Delimiter(string content, DataFormat format)
    {
        if (format == DataFormat.Tsv)
            return "\t";
        int end = content.AsSpan().IndexOfAny('\n', '\r');
        string first = end < 0 ? content : content[..end];
        return first.Contains(',', StringComparison.Ordinal) ? ","
            : first.Contains('\t', StringComparison.Ordinal) ? "\t"
            : first.Contains(';', StringComparison.Ordinal) ? ";"
            : ",";
    }

    /// <summary>
    /// Whether a file that may come without a header has one: its first row holds no number, and names what is known.
    /// </summary>
    private static bool HasHeader(string content, string file, DataFormat format, string delimiter, ImmutableArray<string> columns)
    {
        using var text = new StringReader(content);
        using var parser = new CsvParser(text, Configuration(file, format, delimiter, () => 0));
        if (!Read(parser, file, 0))
            return false;
        string[] known = [.. columns.Select(DataRow.Plain), "label", "text", "class", "classid"];
        string[] cells = [.. parser.Record!.Select(DataRow.Plain)];
        return cells.Count(known.Contains) >= 2 && !parser.Record!.Any(cell => LabelValue.Integer(cell) is not null);
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

    private static string[] Header(string[] names, string file) => names.Distinct().Count() == names.Length
        ? names
        : throw new DataException(
            "two columns of the data have one name", file, 0, expected: "a header of distinct names");

    private static DataException Unquoted(string file, int row) => new(
        "a row of the data is quoted wrongly", file, row,
        expected: "quotes around a whole field, doubled inside it (RFC 4180)",
        remedy: "if the file knows no quoting, read it as Tsv");
}
