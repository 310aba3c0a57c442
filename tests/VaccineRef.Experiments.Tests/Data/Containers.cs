using System.Globalization;
using System.Text.Json;
using Parquet.Schema;
using Parquet.Serialization;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>One table of values in every container that can be read.</summary>
internal static class Containers
{
    /// <summary>Names of files that are not compressed.</summary>
    public static string[] Plain { get; } =
    [
        "x.json", "x.jsonl", "x.columns.json", "x.wrapped.json", "x.csv", "x.tsv", "x.parquet",
    ];

    /// <summary>Names of files; the last extension before that of a compression tells the container.</summary>
    public static string[] Names { get; } =
        [.. from plain in Plain
            from extension in Compressed.Extensions
            select plain + extension];

    /// <summary>The bytes of the file; values are text, long, double or bool, alike in every row of a column.</summary>
    public static byte[] Write(string name, string[] columns, object[][] rows)
    {
        string extension = Compressed.Extensions.Last(each => name.EndsWith(each, StringComparison.Ordinal));
        string plain = name[..^extension.Length];
        if (plain.EndsWith(".parquet", StringComparison.Ordinal))
            return Compressed.As(extension, Parquet(columns, rows));
        string text = plain switch
        {
            "x.json" => JsonSerializer.Serialize(rows.Select(row => Fields(columns, row))),
            "x.columns.json" => JsonSerializer.Serialize(columns.Index().ToDictionary(
                column => column.Item,
                column => rows.Index().ToDictionary(row => $"{row.Index}", row => row.Item[column.Index]))),
            "x.wrapped.json" =>
                JsonSerializer.Serialize(new { type = "t", instances = rows.Select(row => Fields(columns, row)) }),
            "x.jsonl" => string.Join('\n', rows.Select(row => JsonSerializer.Serialize(Fields(columns, row)))),
            "x.csv" => string.Join(
                '\n', rows.Prepend(columns).Select(row => string.Join(',', row.Select(cell => $"\"{Text(cell)}\"")))),
            _ => string.Join('\n', rows.Prepend(columns).Select(row => string.Join('\t', row.Select(Text)))),
        };
        return Compressed.As(extension, System.Text.Encoding.UTF8.GetBytes(text));
    }

    // as pandas writes it: True, 1.0
    private static string Text(object value) => value switch
    {
        bool flag => flag ? "True" : "False",
        double number => number.ToString("0.0###", CultureInfo.InvariantCulture),
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    private static Dictionary<string, object?> Fields(string[] columns, object[] row) =>
        columns.Zip(row).ToDictionary(pair => pair.First, pair => (object?)pair.Second);

    private static byte[] Parquet(string[] columns, object[][] rows)
    {
        DataField[] fields = [.. columns.Select((name, i) => new DataField(name, rows[0][i].GetType()))];
        using var bytes = new MemoryStream();
        // in memory, so nothing is awaited
        ParquetSerializer.SerializeUntypedAsync(
            [.. rows.Select(row => (IDictionary<string, object?>)Fields(columns, row))], new ParquetSchema(fields),
            bytes)
            .GetAwaiter().GetResult();
        return bytes.ToArray();
    }
}
