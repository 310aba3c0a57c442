using System.Globalization;

namespace VaccineRef.Experiments.Lab;

/// <summary>
/// The preset's table as far as it is known: an arm each row, an attack each column, mean HS and FA over the seeds that
/// are finished. Arms whose alignment did not converge on every seed say so: the mean is of those that did.
/// </summary>
public static class LabTable
{
    /// <summary>The column heads.</summary>
    public static IReadOnlyList<string> Header(LabPreset preset) =>
    [
        "HS / FA", .. preset.Sizes.Count > 1 ? (string[])["model"] : [], "aligned",
        .. preset.Attacks.Select(attack => Name(preset, attack)), "s/step", "passes", "MB",
    ];

    /// <summary>The rows, from the results that are there.</summary>
    public static IReadOnlyList<IReadOnlyList<string>> Rows(LabPreset preset, IReadOnlyCollection<LabResult> results) =>
    [
        .. from size in preset.Sizes
           from arm in preset.Arms
           let row = results.Where(result => result.Cell.Size == size && result.Cell.Arm == arm).ToArray()
           let aligned = row.Where(result => result.Cell.Attack is null).ToArray()
           select (IReadOnlyList<string>)
           [
               arm.Name, .. preset.Sizes.Count > 1 ? (string[])[size.Name] : [], Text(aligned),
               .. preset.Attacks.Select(attack => Text([.. row.Where(result => result.Cell.Attack == attack)])), .. Cost(aligned),
           ],
    ];

    /// <summary>"p = 0.05", with whatever else varies in the preset.</summary>
    public static string Name(LabPreset preset, LabAttack attack)
    {
        bool Varies<T>(Func<LabAttack, T> of) => preset.Attacks.Select(of).Distinct().Skip(1).Any();
        string text = $"p = {attack.HarmfulRatio.ToString(CultureInfo.InvariantCulture)}";
        if (Varies(each => each.Samples))
            text += $", n = {attack.Samples}";
        return Varies(each => each.StepFactor) && attack.StepFactor != 1
            ? text + string.Create(CultureInfo.InvariantCulture, $", {attack.StepFactor} x steps")
            : text;
    }

    private static string Text(LabResult[] results)
    {
        var good = results.Where(result => result.Converged != false).ToArray();
        string failed = good.Length < results.Length ? $" ({results.Length - good.Length} not converged)" : "";
        return good.Length == 0
            ? results.Length > 0 ? failed.Trim() : ""
            : string.Create(
                CultureInfo.InvariantCulture,
                $"{good.Average(result => result.Measured.HarmfulScore.Percentage):F1}{Accuracy(good)}{failed}");
    }

    private static string Accuracy(LabResult[] results) => results.All(result => result.Measured.FinetuneAccuracy is null)
        ? ""
        : string.Create(CultureInfo.InvariantCulture, $" / {results.Average(result => result.Measured.FinetuneAccuracy?.Percentage):F1}");

    private static string[] Cost(LabResult[] aligned)
    {
        if (aligned.Length == 0 || aligned[0] is not { Cell.Arm.Method: not null, Cost: { } cost })
            return ["", "", ""];
        return
        [
            aligned.All(result => result.Times is null) ? "" : string.Create(
                CultureInfo.InvariantCulture, $"{aligned.Average(result => result.Times?.SecondsPerStep ?? double.NaN):F4}"),
            string.Create(CultureInfo.InvariantCulture, $"{cost.ForwardsPerStep:0.##}F {cost.ReversesPerStep:0.##}B"),
            string.Create(CultureInfo.InvariantCulture, $"{cost.PeakBytes / 1e6:F1}"),
        ];
    }
}
