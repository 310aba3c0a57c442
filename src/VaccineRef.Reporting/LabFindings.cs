using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Experiments.Lab;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>A metric of an arm under an attack, over seeds.</summary>
/// <param name="Size">Name of the model's size.</param>
/// <param name="Arm">Name of the arm.</param>
/// <param name="Attack">The attack; null is the model before any.</param>
/// <param name="Metric">What was measured.</param>
/// <param name="Over">The mean with its interval; over all seeds that have the metric if no alignment converged.</param>
/// <param name="Values">One per seed that is in the mean.</param>
public sealed record LabEstimate(
    string Size, string Arm, LabAttack? Attack, LabMetric Metric, Estimate Over, IReadOnlyList<double> Values);

/// <summary>How many of an arm's alignments came out.</summary>
/// <param name="Size">Name of the model's size.</param>
/// <param name="Arm">Name of the arm.</param>
/// <param name="Converged">Seeds that may be compared.</param>
/// <param name="Seeds">All seeds.</param>
public sealed record LabConvergence(string Size, string Arm, int Converged, int Seeds);

/// <summary>An arm against another on the seeds on which both converged.</summary>
/// <param name="Size">Name of the model's size.</param>
/// <param name="Arm">Name of the arm.</param>
/// <param name="Control">Name of the arm it is compared with.</param>
/// <param name="Attacks">The attacks over which the metric is averaged, seed by seed.</param>
/// <param name="Metric">HS or FA; on a recipe the losses too.</param>
/// <param name="Primary">Whether this is the comparison that was chosen before looking.</param>
/// <param name="Paired">The difference and its tests.</param>
/// <param name="CorrectedP">The permutation test's p after Holm's correction over all comparisons of the report.</param>
public sealed record LabComparison(
    string Size, string Arm, string Control, IReadOnlyList<LabAttack> Attacks, LabMetric Metric, bool Primary,
    PairedDifference Paired, double CorrectedP);

/// <summary>All that is concluded from a report; every number of its pages is here or in the report itself.</summary>
/// <param name="Verdict">What holds and what does not, a sentence each.</param>
/// <param name="Comparisons">Every comparison made.</param>
/// <param name="Convergence">Which alignments came out.</param>
/// <param name="Estimates">Means over seeds.</param>
/// <param name="Report">What all of it is drawn from.</param>
public sealed record LabFindings(
    IReadOnlyList<string> Verdict, IReadOnlyList<LabComparison> Comparisons, IReadOnlyList<LabConvergence> Convergence,
    IReadOnlyList<LabEstimate> Estimates, LabReport Report)
{
    /// <summary>The findings as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, LabFindingsJson.Default.LabFindings) + "\n";

    /// <summary>The estimate of a metric; null where nothing was measured.</summary>
    internal LabEstimate? Find(string size, LabArm arm, LabAttack? attack, LabMetric metric) => Estimates.FirstOrDefault(
        each => each.Metric == metric && each.Arm == arm.Name && each.Size == size && each.Attack == attack);

    /// <summary>Whether some or all of an arm's alignments failed; null for one that was never aligned.</summary>
    internal LabConvergence? ConvergenceOf(string size, LabArm arm) =>
        Convergence.FirstOrDefault(each => each.Arm == arm.Name && each.Size == size);
}

[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(LabFindings))]
[JsonSerializable(typeof(IReadOnlyList<LabArm>))]
[JsonSerializable(typeof(IReadOnlyList<LabAttack>))]
[JsonSerializable(typeof(IReadOnlyList<LabSize>))]
internal sealed partial class LabFindingsJson : JsonSerializerContext;
