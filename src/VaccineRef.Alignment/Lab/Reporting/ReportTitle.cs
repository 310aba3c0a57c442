namespace VaccineRef.Alignment.Lab.Reporting;

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
        return $"VaccineRef lab, preset “{preset.Name}”{after}: a synthetic world, {string.Join(", ", preset.Sizes.Select(size => size.Name))} parameters, "
            + $"{drawn}. Vaccine: Huang, Hu, Liu, NeurIPS 2024 (arXiv 2402.01109).";
    }
}
