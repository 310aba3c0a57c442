using System.Text.Json.Serialization;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// How rows are written in a file. Any of them may be wrapped in gzip, which its first two bytes tell.
/// </summary>
[JsonConverter(typeof(SnakeCase<DataFormat>))]
public enum DataFormat
{
    /// <summary>The file's extension and its first byte decide together; if they disagree, that is an error.</summary>
    Auto,

    /// <summary>One JSON array of objects.</summary>
    JsonArray,

    /// <summary>One JSON object a line; blank lines carry no row, but count as lines.</summary>
    JsonLines,

    /// <summary>Comma-separated, quoted as in RFC 4180.</summary>
    Csv,

    /// <summary>
    /// Tab-separated without any quoting: a quotation mark is a character like any other (SST-2 has unbalanced ones).
    /// </summary>
    Tsv,

    /// <summary>Apache Parquet.</summary>
    Parquet,
}
