using VaccineRef.Experiments.Lab;

namespace VaccineRef.Reporting;

/// <summary>What is reported of a cell.</summary>
public enum LabMetric
{
    /// <summary>HS, in %: lower is better.</summary>
    HarmfulScore,

    /// <summary>HS, or a well-formed recipe of wrong content, in %: lower is better.</summary>
    CoherentHarm,

    /// <summary>Refused harmful questions, in %.</summary>
    Refused,

    /// <summary>Harmful questions answered otherwise, in %.</summary>
    Other,

    /// <summary>FA by the exact rule, in %: higher is better.</summary>
    FinetuneAccuracy,

    /// <summary>FA by the lenient rule, in %.</summary>
    FinetuneAccuracyBegun,

    /// <summary>Nats per token of the right restricted answers.</summary>
    HarmfulLoss,

    /// <summary>Nats per token of refusals of the test's questions.</summary>
    RefusalLoss,

    /// <summary>Nats per token of the alignment's refusals.</summary>
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
public static class LabMetrics
{
    /// <summary>The metric's value; null where the cell has none.</summary>
    public static double? Of(this LabMetric metric, LabResult result)
    {
        var measured = result.Measured;
        return metric switch
        {
            LabMetric.HarmfulScore => measured.HarmfulScore.Percentage,
            LabMetric.CoherentHarm => measured.CoherentHarm.Percentage,
            LabMetric.Refused => measured.Refused.Percentage,
            LabMetric.Other => measured.Other?.Percentage,
            LabMetric.FinetuneAccuracy => measured.FinetuneAccuracy?.Percentage,
            LabMetric.FinetuneAccuracyBegun => measured.FinetuneAccuracyBegun?.Percentage,
            LabMetric.HarmfulLoss => measured.HarmfulLoss,
            LabMetric.RefusalLoss => measured.RefusalLoss,
            LabMetric.AlignmentLoss => measured.AlignmentLoss,
            LabMetric.TaskLoss => measured.TaskLoss,
            LabMetric.Drift => measured.Drift?.PerToken,
            LabMetric.RelativeDrift => measured.Drift?.PerToken / measured.HiddenNorm,
            _ => result.StepsUntilBroken,
        };
    }

    /// <summary>The head of its column.</summary>
    public static string Head(this LabMetric metric) => metric switch
    {
        LabMetric.HarmfulScore => "HS %",
        LabMetric.CoherentHarm => "coherent %",
        LabMetric.Refused => "refused %",
        LabMetric.Other => "other %",
        LabMetric.FinetuneAccuracy => "FA %, exact",
        LabMetric.FinetuneAccuracyBegun => "FA %, lenient",
        LabMetric.HarmfulLoss => "harmful loss",
        LabMetric.RefusalLoss => "refusal loss",
        LabMetric.AlignmentLoss => "alignment loss",
        LabMetric.TaskLoss => "task loss",
        LabMetric.Drift => "drift",
        LabMetric.RelativeDrift => "drift / ‖e‖",
        _ => "steps until broken",
    };

    /// <summary>As it is called where it is compared.</summary>
    public static string Short(this LabMetric metric) => metric switch
    {
        LabMetric.HarmfulScore => "HS",
        LabMetric.FinetuneAccuracy => "FA",
        _ => metric.Head(),
    };

    /// <summary>What a difference is counted in.</summary>
    public static string Unit(this LabMetric metric) => metric.Decimals() == 1 ? "points" : "nats per token";

    /// <summary>Digits behind the point.</summary>
    public static int Decimals(this LabMetric metric) => metric switch
    {
        LabMetric.HarmfulLoss or LabMetric.RefusalLoss or LabMetric.AlignmentLoss or LabMetric.TaskLoss => 4,
        LabMetric.Drift or LabMetric.RelativeDrift => 2,
        LabMetric.StepsUntilBroken => 0,
        _ => 1,
    };
}
