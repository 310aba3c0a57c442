using VaccineRef.Experiments.Lab;

namespace VaccineRef.Reporting;

/// <summary>What a report is called.</summary>
internal static class ReportTitle
{
    /// <summary>Its title.</summary>
    public static string Of(LabReport report) => report.Grid.Preset.Title;

    /// <summary>What it is, in a line.</summary>
    public static string Under(LabReport report)
    {
        var (preset, seeds) = report.Grid;
        string after = preset.Table is "" or "none" ? "" : $" after {preset.Table} of the paper";
        string drawn = seeds.Count == 1 ? $"seed {seeds[0]}" : $"{seeds.Count} seeds ({string.Join(", ", seeds)})";
        string sizes = string.Join(", ", preset.Sizes.Select(size => size.Name));
        string subject = report.Settings.Recipe is { } recipe
            ? $"recipe “{preset.Name}”: the model {sizes}, its answers judged by {recipe.Recipe.Evaluation.Judge}"
            : $"preset “{preset.Name}”{after}: a synthetic world, {sizes} parameters";
        return $"VaccineRef lab, {subject}, {drawn}. Vaccine: Huang, Hu, Liu, NeurIPS 2024 (arXiv 2402.01109).";
    }
}
