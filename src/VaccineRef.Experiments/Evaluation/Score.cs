using System.Globalization;
using System.Text.Json.Serialization;
using VaccineRef.Core;

namespace VaccineRef.Experiments.Evaluation;

/// <summary>
/// A share k of N, together with all that must be equal before two scores may be compared. The released code prints k /
/// (N + 1) and stores k / N (docs/deviations.md, D15); here the percentage is computed in one place only.
/// </summary>
/// <param name="Metric">What is counted, such as "harmful score" or "finetune accuracy, sst2".</param>
/// <param name="Numerator">k, from 0 to N.</param>
/// <param name="Denominator">N, at least 1.</param>
/// <param name="Judge">The id of the judge, or the name of the accuracy rule.</param>
/// <param name="Template">The id of the prompt template.</param>
/// <param name="Generation">How the answers were generated, such as "greedy, 128 new tokens".</param>
/// <exception cref="InputException">There is no such share, for example because nothing was asked.</exception>
public sealed record Score(
    string Metric, int Numerator, int Denominator, string Judge, string Template, string Generation)
{
    /// <summary>The count k.</summary>
    public int Numerator { get; } = Numerator;

    /// <summary>The number N that the count is a share of.</summary>
    public int Denominator { get; } = 0 <= Numerator && Numerator <= Denominator && Denominator > 0
        ? Denominator
        : throw new InputException(
            "a score has no value", Metric, $"{Numerator} of {Denominator}", "k of N with 0 <= k <= N and N >= 1");

    /// <summary>Whether the score is an accuracy on the user's task.</summary>
    [JsonIgnore]
    public bool IsAccuracy => Metric.StartsWith(Metrics.Accuracy, StringComparison.Ordinal);

    /// <summary>The percentage, 100 k / N.</summary>
    public double Percentage => 100.0 * Numerator / Denominator;

    /// <summary>The score as text, such as "harmful score 12/500 = 2.40 %".</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Metric} {Numerator}/{Denominator} = {Percentage:F2} %");
}
