using VaccineRef.Training;

namespace VaccineRef.Experiments.Data;

/// <summary>
/// What data beside the batches of a stage is called where stages are told apart by name: "align.harmful".
/// </summary>
internal static class StreamKey
{
    private const char Mark = '.';            // in no stage's name

    /// <summary>The name of a stage's stream.</summary>
    public static string Of(string stage, string stream) => $"{stage}{Mark}{stream}";

    /// <summary>The stage that a name belongs to: its own, or that of a stream.</summary>
    public static string Stage(string name) => name.Split(Mark)[0];

    /// <summary>
    /// Whether the name is that of a stream. Rows with a prompt of the evaluation are left out of streams, as out of an
    /// attack.
    /// </summary>
    public static bool Is(string name) => name.Contains(Mark, StringComparison.Ordinal);

    /// <summary>
    /// Which rows a stream takes, where their file says what they are: of harmful data the unsafe ones, else the safe
    /// ones.
    /// </summary>
    public static RowKind KindOf(string name) =>
        name.EndsWith($"{Mark}{StreamName.Harmful}", StringComparison.Ordinal) ? RowKind.Unsafe : RowKind.Safe;
}
