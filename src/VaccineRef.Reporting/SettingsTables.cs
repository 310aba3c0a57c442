using System.Text.Json;
using System.Text.Json.Nodes;
using VaccineRef.Experiments.Lab;

namespace VaccineRef.Reporting;

/// <summary>The tables of what was done: cost, perturbations, settings, data, machine.</summary>
internal sealed class SettingsTables(LabReport report)
{
    private readonly LabPreset _preset = report.Grid.Preset;

    /// <summary>What a step of each alignment costs, and against the control's.</summary>
    public ReportTable? Cost()
    {
        var rows = Aligned();
        bool timed = rows.Any(row => row.Results.Any(result => result.Times is not null));
        double? Seconds(IEnumerable<LabResult> results) =>
            results.Select(result => result.Times?.SecondsPerStep).OfType<double>().Order().ToArray() is { Length: > 0 } times ? times[times.Length / 2] : null;
        string Ratio(double? value, double? control) => value / control is { } ratio && double.IsFinite(ratio) ? $"{Shown.Fixed(ratio, 2)}×" : "";
        return rows.Length == 0 ? null : new(
            "What a step of the alignment costs: passes, peak memory (weights, gradients, optimizer state, activations, perturbation) and time, "
                + $"and the same relative to {_preset.Primary.Control}. Passes and memory are the same on every machine. "
                + (timed ? "Times are medians over steps and seeds on the machine below, which other cells shared." : "Times were left out."),
            ["method", "model"],
            [
                new("passes per step", ["forward", "reverse"]), new("peak memory", ["MB", "relative"]),
                .. timed ? [new("time per step", ["ms", "relative"])] : (ReportGroup[])[], new("work", ["steps", "trained", "tokens per step"]),
            ],
            [
                .. rows.Select(row =>
                {
                    var cost = row.Results[0].Cost!;
                    var control = rows.FirstOrDefault(other => other.Size == row.Size && other.Arm.Name == _preset.Primary.Control).Results ?? [];
                    return (ReportCell[])
                    [
                        row.Arm.Name, row.Size.Name, Shown.Fixed(cost.ForwardsPerStep, 2), Shown.Fixed(cost.ReversesPerStep, 2),
                        Shown.Megabytes(cost.PeakBytes), Ratio(cost.PeakBytes, control.FirstOrDefault()?.Cost!.PeakBytes),
                        .. timed
                            ? [Seconds(row.Results) is { } s ? Shown.Fixed(1000 * s, 2) : "", Ratio(Seconds(row.Results), Seconds(control))]
                            : (ReportCell[])[],
                        $"{cost.Steps}", Shown.Count(cost.Trained), Shown.Fixed(cost.TokensPerStep, 0),
                    ];
                }),
            ]);
    }

    /// <summary>How large perturbations were; null where nothing was perturbed.</summary>
    public ReportTable? Perturbations()
    {
        var rows = Aligned().Select(row => (row.Arm, row.Size, Found: row.Results.Select(result => result.Perturbation).OfType<LabPerturbation>().ToArray()))
            .Where(row => row.Found.Length > 0).ToArray();
        return rows.Length == 0 ? null : new(
            "What each rule added to the hidden embeddings while aligning, means over seeds: ‖ε‖ of a whole batch, all layers together; of a "
                + "token, beside the token's own ‖e‖; and the mean of their ratio.",
            ["method", "model"], [new("batch", ["‖ε‖"]), new("per token", ["‖ε‖", "‖e‖", "‖ε‖ / ‖e‖, %"])],
            [
                .. rows.Select(row => (ReportCell[])
                [
                    row.Arm.Name, row.Size.Name, Shown.Fixed(row.Found.Average(each => each.Norm), 3),
                    Shown.Fixed(row.Found.Average(each => each.PerToken), 4), Shown.Fixed(row.Found.Average(each => each.HiddenPerToken), 3),
                    Shown.Fixed(100 * row.Found.Average(each => each.Relative), 2),
                ]),
            ]);
    }

    /// <summary>Every setting by its path, as it stands in report.json.</summary>
    public ReportTable Settings() => new(
        "All settings that the cells share, by their paths in report.json.", ["setting"], [new("", ["value"])],
        [
            .. Leaves(JsonSerializer.SerializeToNode(report.Settings, LabFindingsJson.Default.LabSettings), "settings"),
            .. Leaves(JsonSerializer.SerializeToNode(_preset.Arms, LabFindingsJson.Default.IReadOnlyListLabArm), "arms"),
            .. Leaves(JsonSerializer.SerializeToNode(_preset.Attacks, LabFindingsJson.Default.IReadOnlyListLabAttack), "attacks"),
            .. Leaves(JsonSerializer.SerializeToNode(_preset.Sizes, LabFindingsJson.Default.IReadOnlyListLabSize), "sizes"),
        ]);

    /// <summary>The data of every seed.</summary>
    public ReportTable Manifest() => new(
        "The data of every seed, by SHA-256: two reports with equal hashes saw the same text."
            + (report.Settings.Recipe is null ? " All of it is made by code." : ""),
        ["seed", "stage"], [new("", ["examples", "SHA-256"])],
        [.. report.Manifest.Select(data => (ReportCell[])[$"{data.Seed}", data.Stage, Shown.Count(data.Examples), data.Sha256])]);

    /// <summary>The files of a recipe; null in the synthetic world, which has none.</summary>
    public ReportTable? Files() => report.Settings.Recipe is not { } recipe ? null : new(
        "The files of the recipe.", ["file"], [new("", ["SHA-256"])], [.. recipe.Files.Select(file => (ReportCell[])[file.Name, file.Sha256])]);

    /// <summary>Where it ran.</summary>
    public ReportTable? Machine() => report.Machine is not { } machine ? null : new(
        "The machine of the last run; cells taken from the cache may have been computed elsewhere.", ["item"], [new("", ["value"])],
        [
            ["device", machine.Device], ["cells at once", $"{machine.Workers}"], ["system", machine.System],
            ["runtime", machine.Runtime], ["program", machine.Program],
        ]);

    private (LabArm Arm, LabSize Size, LabResult[] Results)[] Aligned() =>
    [
        .. from arm in _preset.Arms
           where arm.Method is not null
           from size in _preset.Sizes
           let results = report.Results.Where(each => each.Cell.Arm == arm && each.Cell.Size == size && each.Cell.Attack is null).ToArray()
           where results.Length > 0
           select (arm, size, results),
    ];

    private static IEnumerable<ReportCell[]> Leaves(JsonNode? node, string path) => node switch
    {
        JsonObject group => group.SelectMany(member => Leaves(member.Value, $"{path}.{member.Key}")),
        JsonArray list => list.SelectMany((item, i) => Leaves(item, $"{path}[{i}]")),
        null => [],
        _ => [[path, node.ToString()]],
    };
}
