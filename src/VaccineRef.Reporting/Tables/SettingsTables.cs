using System.Text.Json.Nodes;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Reporting;

/// <summary>The tables of what was done: cost, perturbations, settings, data, machine.</summary>
internal sealed class SettingsTables(TrialIndex trials)
{
    /// <summary>
    /// What a step of each alignment costs, and against the control's; null where nothing was aligned.
    /// </summary>
    public ReportTable? Cost()
    {
        var rows = Aligned();
        bool timed = rows.Any(row => row.Results.Any(result => result.Times is not null));
        return rows.Length == 0 ? null : new(
            "What a step of the alignment costs: passes, peak memory (weights, gradients, optimizer state, activations, perturbation) and time, "
                + $"and the same relative to {trials.Control}. Passes and memory are the same on every machine. "
                + (timed ? "Times are medians over steps and seeds on the machine below, which other trials shared." : "Times were left out."),
            ["method", "model"],
            [
                new("passes per step", ["forward", "reverse"]), new("peak memory", ["MB", "relative"]),
                .. timed ? [new("time per step", ["ms", "relative"])] : (ReportGroup[])[],
                new("work", ["steps", "trained", "tokens per step"]),
            ],
            [
                .. rows.Select(row =>
                {
                    var cost = row.Results[0].Cost!;
                    var control = rows.FirstOrDefault(other => other.Model == row.Model
                        && other.Condition == trials.Control).Results ?? [];
                    return (ReportCell[])
                    [
                        row.Condition, row.Model, NumberFormat.Fixed(cost.ForwardsPerStep, 2),
                        NumberFormat.Fixed(cost.ReversesPerStep, 2),
                        NumberFormat.Megabytes(cost.PeakBytes),
                        Ratio(cost.PeakBytes, control.FirstOrDefault()?.Cost!.PeakBytes),
                        .. timed
                            ? [Seconds(row.Results) is { } s ? NumberFormat.Fixed(1000 * s, 2) : "",
                                Ratio(Seconds(row.Results), Seconds(control))]
                            : (ReportCell[])[],
                        $"{cost.Steps}", NumberFormat.Count(cost.Trained), NumberFormat.Fixed(cost.TokensPerStep, 0),
                    ];
                }),
            ]);
    }

    /// <summary>How much edits changed in the weights; null where nothing was edited.</summary>
    public ReportTable? Edits()
    {
        var report = trials.Report;
        var rows = (
            from trial in report.Trials
            from stage in trial.Stages
            let edit = report.Stages.GetValueOrDefault(stage.Hash)?.Edit
            where edit is not null
            group edit by (trial.Condition, trial.Model, trial.Attack, stage.Name)).ToArray();
        return rows.Length == 0 ? null : new(
            "What each edit changed in the weights, means over seeds: numbers that are other ones afterwards, of all, and the length of the "
                + "whole change.",
            ["method", "model", "attack", "stage"], [new("changed", ["numbers", "of", "%"]), new("change", ["‖ΔW‖"])],
            [
                .. rows.Select(row => (ReportCell[])
                [
                    row.Key.Condition, row.Key.Model, row.Key.Attack ?? "", row.Key.Name,
                    NumberFormat.Count((long)row.Average(edit => edit.Changed)),
                    NumberFormat.Count(row.First().Numbers),
                    NumberFormat.Fixed(row.Average(edit => 100.0 * edit.Changed / edit.Numbers), 2),
                    NumberFormat.Fixed(row.Average(edit => edit.Norm), 4),
                ]),
            ]);
    }

    /// <summary>How large perturbations were; null where nothing was perturbed.</summary>
    public ReportTable? Perturbations()
    {
        var rows = Aligned()
            .Select(row => (row.Condition, row.Model, Found: row.Results.Select(result => result.Perturbation).OfType<PerturbationSize>().ToArray()))
            .Where(row => row.Found.Length > 0).ToArray();
        return rows.Length == 0 ? null : new(
            "What each rule added to the hidden embeddings while aligning, means over seeds: ‖ε‖ of a whole batch, all layers together; of a "
                + "token, beside the token's own ‖e‖; and the mean of their ratio.",
            ["method", "model"], [new("batch", ["‖ε‖"]), new("per token", ["‖ε‖", "‖e‖", "‖ε‖ / ‖e‖, %"])],
            [
                .. rows.Select(row => (ReportCell[])
                [
                    row.Condition, row.Model, NumberFormat.Fixed(row.Found.Average(each => each.Norm), 3),
                    NumberFormat.Fixed(row.Found.Average(each => each.PerToken), 4),
                    NumberFormat.Fixed(row.Found.Average(each => each.HiddenPerToken), 3),
                    NumberFormat.Fixed(100 * row.Found.Average(each => each.Relative), 2),
                ]),
            ]);
    }

    /// <summary>Every setting by its path, as it stands in the recipe.</summary>
    public ReportTable Settings() => new(
        "All settings of the recipe by their paths, with every default spelled out.", ["setting"], [new("", ["value"])],
        [.. Leaves(trials.Report.Recipe, "")]);

    /// <summary>The data of every seed; null where none were noted.</summary>
    public ReportTable? Data()
    {
        var stages = trials.Report.Data.Stages;
        (string Head, Func<DataStage, int?> Of)[] counts =
        [
            .. ((string Head, Func<DataStage, int?> Of)[])
            [
                ("harmful", stage => stage.Mixture?.Harmful), ("held out", stage => stage.OverlapRemoved),
                ("cut", stage => stage.Encoding?.Truncated),
                ("dropped", stage => stage.Encoding?.Dropped.Length),
            ],
        ];
        counts = [.. counts.Where(count => stages.Any(stage => count.Of(stage) is not null))];
        string explained = counts.Length
            == 0 ? "" : " Held out: rows removed because a question of the evaluation equals theirs. Cut and dropped: "
            + "rows longer than the longest sequence, and rows of which nothing was left to learn.";
        return stages.IsEmpty ? null : new(
            $"The data of every seed, by SHA-256: two reports with equal hashes saw the same text.{explained}"
                + (trials.IsOfTheWorld ? " All of it is made by code." : ""),
            ["seed", "stage"], [new("", ["examples", .. counts.Select(count => count.Head), "SHA-256"])],
            [
                .. stages.Select(stage => (ReportCell[])
                [
                    $"{stage.Seed}", stage.Name, NumberFormat.Count(stage.Examples),
                    .. counts.Select(count => count.Of(stage) is { } number ? NumberFormat.Count(number) : ""),
                    stage.Sha256,
                ]),
            ]);
    }

    /// <summary>The files that were read; null where everything was made by code.</summary>
    public ReportTable? Files() => trials.Report.Data.Sources.IsEmpty ? null : new(
        "The files of the recipe.", ["file", "read as"], [new("", ["rows", "bytes", "SHA-256"])],
        [
            .. trials.Report.Data.Sources.Select(file => (ReportCell[])
                [file.Name, file.Reader, NumberFormat.Count(file.Rows), NumberFormat.Count(file.Bytes), file.Sha256]),
        ]);

    /// <summary>Where it ran; null where that was left out.</summary>
    public ReportTable? Machine() => trials.Report.Machine is not { } machine ? null : new(
        "The machine of the last run; stages that were kept from before may have been computed elsewhere.", ["item"],
        [new("", ["value"])],
        [
            ["device", machine.Device], ["stages at once", $"{machine.Workers}"], ["system", machine.System],
            ["runtime", machine.Runtime], ["program", machine.Program],
        ]);

    private (string Model, string Condition, StageResult[] Results)[] Aligned() =>
    [
        .. from condition in trials.Conditions
           from model in trials.Models
           let results = trials.Alignments(model, condition).Where(result => result.Cost is not null).ToArray()
           where results.Length > 0
           select (model, condition, results),
    ];

    private static double? Seconds(IEnumerable<StageResult> results) =>
        results.Select(result => result.Times?.SecondsPerStep).OfType<double>().Order()
            .ToArray() is { Length: > 0 } times ? times[times.Length / 2] : null;

    private static string Ratio(double? value, double? control) =>
        value / control is { } ratio && double.IsFinite(ratio) ? $"{NumberFormat.Fixed(ratio, 2)}×" : "";

    private static IEnumerable<ReportCell[]> Leaves(JsonNode? node, string path) => node switch
    {
        JsonObject group =>
            group.SelectMany(member => Leaves(member.Value, path.Length == 0 ? member.Key : $"{path}.{member.Key}")),
        JsonArray list => list.SelectMany((item, i) => Leaves(item, $"{path}[{i}]")),
        null => [],
        _ => [[path, node.ToString()]],
    };
}
