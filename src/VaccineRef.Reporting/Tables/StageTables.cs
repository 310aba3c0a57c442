using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Reporting;

/// <summary>The tables of a single trial: what was measured after each of its stages, and what each cost.</summary>
internal sealed class StageTables(ExperimentReport report, ReportedTrial trial)
{
    private static readonly ReportMetric[] Others =
    [
        ReportMetric.AlignmentLoss, ReportMetric.RefusalLoss, ReportMetric.HarmfulLoss, ReportMetric.TaskLoss,
        ReportMetric.Drift,
        ReportMetric.RelativeDrift,
    ];

    private readonly StageResult[] _stages =
        [.. trial.Stages.Select(stage => report.Stages.GetValueOrDefault(stage.Hash)).OfType<StageResult>()];

    /// <summary>What was measured of the model after every stage; null where nothing was.</summary>
    public ReportTable? Measurements()
    {
        var measured = _stages.Where(stage => stage.Measured is not null).ToArray();
        string[] scores = ScoreColumns.Of(measured.Select(stage => stage.Measured!));
        var others = Others.Where(metric => measured.Any(stage => metric.Of(stage) is not null)).ToArray();
        return measured.Length == 0 ? null : new(
            "What was measured of the model after each stage; “model” is the model as it was given. Scores are k of N questions. Losses are in "
                + "nats per token: of the alignment data, of refusals of the held-out questions, of harmful answers to them, of the right answers "
                + "of the user's task. Drift: mean L2 change of a token's attention outputs in the attack, all layers together, also as a share of "
                + "‖e‖.",
            ["after stage"], [new("", [.. scores, .. others.Select(metric => metric.Head())])],
            [
                .. measured.Select(stage => (ReportCell[])
                [
                    stage.Stage,
                    .. scores.Select(column => NumberFormat.Score(ScoreColumns.Find(stage.Measured!, column))),
                    .. others.Select(
                        metric => metric.Of(stage) is { } value ? NumberFormat.Fixed(value, metric.Decimals()) : ""),
                ]),
            ]);
    }

    /// <summary>What each training stage cost; null where nothing was trained.</summary>
    public ReportTable? Cost()
    {
        var trained = _stages.Where(stage => stage.Cost is not null).ToArray();
        bool timed = trained.Any(stage => stage.Times is not null);
        return trained.Length == 0 ? null : new(
            "What each training stage took: passes in a step, peak memory (weights, gradients, optimizer state, activations, perturbation) and "
                + "the work. " + (timed ? "Times are of the machine below; a step's is the median over steps." : "Times were left out."),
            ["stage", "rule", "objective"],
            [
                new("passes per step", ["forward", "reverse"]), new("peak memory", ["MB"]),
                .. timed ? [new("time", ["ms per step", "s in all"])] : (ReportGroup[])[],
                new("work", ["steps", "examples", "trained", "tokens per step"]), new("loss", ["last step"]),
            ],
            [
                .. trained.Select(stage => (ReportCell[])
                [
                    stage.Stage, stage.Cost!.Rule, stage.Cost.Objective,
                    NumberFormat.Fixed(stage.Cost.ForwardsPerStep, 2),
                    NumberFormat.Fixed(stage.Cost.ReversesPerStep, 2), NumberFormat.Megabytes(stage.Cost.PeakBytes),
                    .. timed ? Times(stage.Times) : [],
                    NumberFormat.Count(stage.Cost.Steps), NumberFormat.Count(stage.Cost.Examples),
                    NumberFormat.Count(stage.Cost.Trained),
                    NumberFormat.Fixed(stage.Cost.TokensPerStep, 0), NumberFormat.Fixed(stage.Cost.LastLoss, 4),
                ]),
            ]);
    }

    /// <summary>How much each edit changed in the weights; null where nothing was edited.</summary>
    public ReportTable? Edits()
    {
        var edited = _stages.Where(stage => stage.Edit is not null).ToArray();
        return edited.Length == 0 ? null : new(
            "What each edit changed in the weights: numbers that are other ones afterwards, of all, and the length of the whole change.",
            ["stage"], [new("changed", ["numbers", "of", "%", "tensors"]), new("change", ["‖ΔW‖"])],
            [
                .. edited.Select(stage => (ReportCell[])
                [
                    stage.Stage, NumberFormat.Count(stage.Edit!.Changed), NumberFormat.Count(stage.Edit.Numbers),
                    NumberFormat.Fixed(100.0 * stage.Edit.Changed / stage.Edit.Numbers, 2), $"{stage.Edit.Tensors}",
                    NumberFormat.Fixed(stage.Edit.Norm, 4),
                ]),
            ]);
    }

    private static ReportCell[] Times(TrainingTimes? times) => times is null
        ? ["", ""]
        : [NumberFormat.Fixed(1000 * times.SecondsPerStep, 2), NumberFormat.Fixed(times.Seconds, 1)];
}
