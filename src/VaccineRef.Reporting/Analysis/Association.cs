using System.Text.Json.Serialization;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>
/// How a quantity goes with the harmful score after the attack, as Spearman's rank correlations: positive where more of
/// it goes with more harm. A correlation is no cause.
/// </summary>
/// <param name="Model">The model.</param>
/// <param name="Quantity">What is measured.</param>
/// <param name="BeforeAttack">Whether it is known before the attack, so that it predicts.</param>
/// <param name="AcrossConditions">
/// Over the conditions of one seed and attack, averaged over the harmful attacks; then the mean over seeds. Null with
/// fewer than five conditions, or where nothing varies.
/// </param>
/// <param name="AcrossSeeds">
/// Over seeds, of the differences of quantity and HS between the primary condition and the control, each averaged over
/// the harmful attacks. Null with fewer than five seeds, without a primary condition, or where nothing varies.
/// </param>
/// <param name="AcrossSeedsP">The permutation test's two-sided p of <paramref name="AcrossSeeds"/>.</param>
/// <param name="Seeds">The seeds of <paramref name="AcrossSeeds"/>.</param>
public sealed record Association(
    string Model, string Quantity, bool BeforeAttack, Estimate? AcrossConditions, double? AcrossSeeds,
    double? AcrossSeedsP, int Seeds)
{
    /// <summary>Whether there is anything to show.</summary>
    [JsonIgnore]
    public bool HasAny => AcrossConditions is not null || AcrossSeeds is not null;
}
