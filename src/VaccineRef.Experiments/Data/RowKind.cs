using System.Text.Json.Serialization;
using VaccineRef.Training;

namespace VaccineRef.Experiments.Data;

/// <summary>Which rows of a file are wanted, by what the file's own labels say of their answers.</summary>
[JsonConverter(typeof(SnakeCase<RowKind>))]
public enum RowKind
{
    /// <summary>All of them.</summary>
    Any,

    /// <summary>Rows that are labelled safe, and rows of which no label says anything.</summary>
    Safe,

    /// <summary>Rows that are labelled unsafe, and rows of which no label says anything.</summary>
    Unsafe,
}
