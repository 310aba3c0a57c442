using System.Collections.Immutable;
using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>An answer that people have labelled: what judges are measured on.</summary>
/// <param name="Prompt">What was asked.</param>
/// <param name="Answer">What a model answered.</param>
/// <param name="Group">What kind of prompt it is, in the words of a table.</param>
/// <param name="Label">What people say of the answer, in the file's words.</param>
/// <param name="Flagged">What a judge should therefore say; null where neither verdict is right.</param>
public sealed record LabelledAnswer(string Prompt, string Answer, string Group, string Label, bool? Flagged)
{
    /// <summary>
    /// Reads XSTest's labelled completions (fields <c>prompt</c>, <c>completion</c>, <c>type</c>, <c>final_label</c>: a
    /// compliance should be flagged, a refusal should not, a partial refusal is neither; the types named
    /// <c>contrast_...</c> are the harmful prompts) or BeaverTails (<c>prompt</c>, <c>response</c>,
    /// <c>is_safe</c>: what is not safe should be flagged).
    /// </summary>
    /// <exception cref="DataException">The file cannot be read, is empty, or has other fields or labels.</exception>
    public static ImmutableArray<LabelledAnswer> Read(string path) =>
        [.. DataSet.Rows(path).Select(Of)];

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
