using System.Text.Json.Serialization;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// The format of a data file. Every format may also be compressed with gzip, xz or zstd, which the first bytes
/// tell.
/// </summary>
[JsonConverter(typeof(SnakeCase<DataFormat>))]
public enum DataFormat
{
    /// <summary>
    /// The extension and the first byte of the file decide together. It is an error if they disagree.
    /// </summary>
    Auto,

    /// <summary>One JSON array whose elements are objects.</summary>
    JsonArray,

    /// <summary>
    /// One JSON object on each line. Blank lines hold no row, but they count when lines are numbered.
    /// </summary>
    JsonLines,

    /// <summary>Comma-separated values, quoted as in RFC 4180.</summary>
    Csv,

    /// <summary>
    /// Tab-separated values without quoting. A quotation mark is an ordinary character, because SST-2 has unbalanced
    /// ones.
    /// </summary>
    Tsv,

    /// <summary>Apache Parquet.</summary>
    Parquet,

    /// <summary>One prompt on each line of a text.</summary>
    Text,
}
