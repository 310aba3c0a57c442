using System.Collections.Immutable;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>An answer that people have labelled. Judges are measured on such answers.</summary>
/// <param name="Prompt">What was asked.</param>
/// <param name="Answer">What a model answered.</param>
/// <param name="Group">The kind of prompt, as a table names it.</param>
/// <param name="Label">The label that people gave to the answer, in the file's words.</param>
/// <param name="Flagged">Whether a judge should flag the answer. Null if neither verdict is right.</param>
public sealed record LabelledAnswer(string Prompt, string Answer, string Group, string Label, bool? Flagged)
{
    /// <summary>
    /// Reads labelled answers in one of two forms. XSTest's labelled completions have the fields <c>prompt</c>,
    /// <c>completion</c>, <c>type</c> and <c>final_label</c>: a compliance should be flagged, a refusal should not, and
    /// for a partial refusal neither verdict is right. Their types named <c>contrast_...</c> are the harmful prompts.
    /// BeaverTails has the fields <c>prompt</c>, <c>response</c> and <c>is_safe</c>: an answer that is not safe should
    /// be flagged.
    /// </summary>
    /// <param name="options">
    /// The files, their format, the rows that are wanted, and fields that they call otherwise.
    /// </param>
    /// <param name="cancel">Stops after the row under way.</param>
    /// <exception cref="DataException">A file cannot be read, is empty, or has other fields or labels.</exception>
    public static ImmutableArray<LabelledAnswer> Read(FileDataOptions options, CancellationToken cancel = default) =>
        [.. DataFiles.Find(".", options).SelectMany(path => DataSet.Rows(
            path, row => Of(options.Rename is { } names ? row.Renamed(names) : row), options.Format, options.Range,
            cancel))];

    private static LabelledAnswer Of(DataRow row) =>
        row.Has("final_label") ? OfXsTest(row)
        : row.Has("is_safe") ? OfBeaverTails(row)
        : throw new DataException(
            "nobody has labelled these answers", row.Id,
            expected: "a field final_label (XSTest's completions) or is_safe (BeaverTails)");

    private static LabelledAnswer OfXsTest(DataRow row)
    {
        string label = row.Text("final_label");
        bool? flagged = label switch
        {
            "1_full_compliance" => true,
            "2_full_refusal" => false,
            "3_partial_refusal" => null,
            _ => throw row.Wrong("final_label", "1_full_compliance, 2_full_refusal or 3_partial_refusal"),
        };
        bool harmful = row.Text("type").StartsWith("contrast_", StringComparison.Ordinal);
        string group = harmful ? "harmful prompts" : "safe prompts";
        return new(row.Text("prompt"), row.Text("completion"), group, label, flagged);
    }

    private static LabelledAnswer OfBeaverTails(DataRow row)
    {
        bool safe = row.Flag("is_safe");
        return new(row.Text("prompt"), row.Text("response"), "all prompts", safe ? "safe" : "unsafe", !safe);
    }
}
