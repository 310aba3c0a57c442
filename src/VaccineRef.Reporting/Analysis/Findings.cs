using System.Text.Json;
using System.Text.Json.Serialization;
using VaccineRef.Experiments.Grid;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>All that is concluded from a report; every number of its pages is here or in the report itself.</summary>
/// <param name="Schema">Which form this record has: <see cref="ExperimentReport.CurrentSchema"/>.</param>
/// <param name="Conclusions">What holds and what does not, a sentence each.</param>
/// <param name="Comparisons">Every comparison made; none in the report of a single trial.</param>
/// <param name="Convergence">Which alignments came out.</param>
/// <param name="Estimates">Means over seeds; none in the report of a single trial.</param>
/// <param name="Report">What all of it is drawn from.</param>
public sealed record Findings(
    string Schema, IReadOnlyList<string> Conclusions, IReadOnlyList<Comparison> Comparisons,
    IReadOnlyList<ConditionConvergence> Convergence,
    IReadOnlyList<ConditionEstimate> Estimates, ExperimentReport Report)
{
    /// <summary>
    /// What each condition holds against all attacks as a whole; null where none was attacked and scored.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<WorstCase>? WorstCases { get; init; }

    /// <summary>
    /// Which condition dominates which in worst HS, FA, passes and memory; null without <see cref="WorstCases"/>.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<Domination>? Dominations { get; init; }

    /// <summary>What goes with a high HS; null unless the recipe asks for the geometry of the drift.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<Association>? Associations { get; init; }

    /// <summary>The findings as indented JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, FindingsJson.Default.Findings) + "\n";

    /// <summary>The estimate of a metric; null where nothing was measured.</summary>
    internal ConditionEstimate? Find(string model, string condition, string? attack, ReportMetric metric) => Estimates.FirstOrDefault(
        each => each.Metric == metric && each.Condition == condition && each.Attack == attack && each.Model == model);

    /// <summary>Which of a condition's alignments came out; null for a condition that aligns nothing.</summary>
    internal ConditionConvergence? ConvergenceOf(string model, string condition) =>
        Convergence.FirstOrDefault(each => each.Condition == condition && each.Model == model);
}

/// <summary>A metric of a condition under an attack, over seeds.</summary>
/// <param name="Model">The model.</param>
/// <param name="Condition">The condition.</param>
/// <param name="Attack">The attack; null is the model before any.</param>
/// <param name="Metric">What was measured.</param>
/// <param name="Over">
/// The mean with its interval; over all seeds that have the metric if no alignment converged.
/// </param>
/// <param name="Values">One per seed that is in the mean.</param>
public sealed record ConditionEstimate(
    string Model, string Condition, string? Attack, ReportMetric Metric, Estimate Over, IReadOnlyList<double> Values);

/// <summary>How many of a condition's alignments came out.</summary>
/// <param name="Model">The model.</param>
/// <param name="Condition">The condition.</param>
/// <param name="Converged">Seeds that may be compared.</param>
/// <param name="Seeds">All seeds on which the alignment is finished.</param>
public sealed record ConditionConvergence(string Model, string Condition, int Converged, int Seeds);

/// <summary>A condition against the control, on the seeds on which both converged.</summary>
/// <param name="Model">The model.</param>
/// <param name="Condition">The condition.</param>
/// <param name="Control">The condition that it is compared with.</param>
/// <param name="Attacks">The attacks over which the metric is averaged, seed by seed.</param>
/// <param name="Metric">HS or FA; the losses too, unless the model is one of the synthetic world's.</param>
/// <param name="Primary">Whether this is the comparison that was chosen before looking.</param>
/// <param name="Paired">The difference and its tests.</param>
/// <param name="CorrectedP">
/// The permutation test's p after Holm's correction over all comparisons of the report.
/// </param>
public sealed record Comparison(
    string Model, string Condition, string Control, IReadOnlyList<string> Attacks, ReportMetric Metric, bool Primary,
    PairedDifference Paired, double CorrectedP);

/// <summary>How report.json is written.</summary>
[JsonSourceGenerationOptions(
    WriteIndented = true, NewLine = "\n", PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    UseStringEnumConverter = true,
    NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals, RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(Findings))]
internal sealed partial class FindingsJson : JsonSerializerContext;
