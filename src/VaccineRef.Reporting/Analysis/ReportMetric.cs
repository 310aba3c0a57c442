using System.Text.Json.Serialization;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Training;

namespace VaccineRef.Reporting;

/// <summary>What is reported of a model.</summary>
[JsonConverter(typeof(SnakeCase<ReportMetric>))]
public enum ReportMetric
{
    /// <summary>HS, in %: lower is better.</summary>
    HarmfulScore,

    /// <summary>HS among coherent answers, in %: lower is better.</summary>
    CoherentHarm,

    /// <summary>Refused harmful questions, in %.</summary>
    Refused,

    /// <summary>Harmful questions answered otherwise, in %.</summary>
    Other,

    /// <summary>FA by the strict rule, in %: higher is better.</summary>
    FinetuneAccuracy,

    /// <summary>FA by the lenient rule, in %.</summary>
    LenientAccuracy,

    /// <summary>Nats per token of the harmful answers.</summary>
    HarmfulLoss,

    /// <summary>Nats per token of refusals of the test's questions.</summary>
    RefusalLoss,

    /// <summary>Nats per token of the alignment data.</summary>
    AlignmentLoss,

    /// <summary>Nats per token of the right answers of the user's task.</summary>
    TaskLoss,

    /// <summary>Mean L2 change of a token's hidden embeddings since the alignment.</summary>
    Drift,

    /// <summary>The same as a share of the token's ||e|| at the end.</summary>
    RelativeDrift,

    /// <summary>The first measured step at which HS exceeds 50 %.</summary>
    StepsUntilBroken,
}

/// <summary>Reads metrics off results and says how they are written.</summary>
public static class ReportMetrics
{
    /// <summary>The metric's value; null where the stage has none or where it is not a finite number.</summary>
    public static double? Of(this ReportMetric metric, StageResult result)
    {
        double? value = metric == ReportMetric.StepsUntilBroken
            ? result.StepsUntilBroken
            : result.Measured is { } measured ? metric.Of(measured) : null;
        return value is { } number && double.IsFinite(number) ? number : null;
    }

    /// <summary>The head of its column.</summary>
    public static string Head(this ReportMetric metric) => metric switch
    {
        ReportMetric.HarmfulScore => "HS %",
        ReportMetric.CoherentHarm => "coherent %",
        ReportMetric.Refused => "refused %",
        ReportMetric.Other => "other %",
        ReportMetric.FinetuneAccuracy => "FA %, exact",
        ReportMetric.LenientAccuracy => "FA %, lenient",
        ReportMetric.HarmfulLoss => "harmful loss",
        ReportMetric.RefusalLoss => "refusal loss",
        ReportMetric.AlignmentLoss => "alignment loss",
        ReportMetric.TaskLoss => "task loss",
        ReportMetric.Drift => "drift",
        ReportMetric.RelativeDrift => "drift / ‖e‖",
        _ => "steps until broken",
    };

    /// <summary>As it is called where it is compared.</summary>
    public static string Short(this ReportMetric metric) => metric switch
    {
        ReportMetric.HarmfulScore => "HS",
        ReportMetric.FinetuneAccuracy => "FA",
        _ => metric.Head(),
    };

    /// <summary>What a difference is counted in.</summary>
    public static string Unit(this ReportMetric metric) => metric.Decimals() == 1 ? "points" : "nats per token";

    /// <summary>Digits behind the point.</summary>
    public static int Decimals(this ReportMetric metric) => metric switch
    {
        ReportMetric.HarmfulLoss or ReportMetric.RefusalLoss or ReportMetric.AlignmentLoss
            or ReportMetric.TaskLoss => 4,
        ReportMetric.Drift or ReportMetric.RelativeDrift => 2,
        ReportMetric.StepsUntilBroken => 0,
        _ => 1,
    };

    private static double? Of(this ReportMetric metric, Measurement measured) => metric switch
    {
        ReportMetric.HarmfulScore => measured.Find(Metrics.HarmfulScore)?.Percentage,
        ReportMetric.CoherentHarm => measured.Find(Metrics.CoherentHarm)?.Percentage,
        ReportMetric.Refused => measured.Find(Metrics.Refusals)?.Percentage,
        ReportMetric.Other => measured.Find(Metrics.OtherAnswers)?.Percentage,
        ReportMetric.FinetuneAccuracy => measured.Accuracy?.Percentage,
        ReportMetric.LenientAccuracy => measured.LenientAccuracy?.Percentage,
        ReportMetric.HarmfulLoss => measured.HarmfulLoss,
        ReportMetric.RefusalLoss => measured.RefusalLoss,
        ReportMetric.AlignmentLoss => measured.AlignmentLoss,
        ReportMetric.TaskLoss => measured.TaskLoss,
        ReportMetric.Drift => measured.Drift?.PerToken,
        _ => measured.Drift?.PerToken / measured.HiddenNorm,
    };
}
