namespace VaccineRef.Reporting;

/// <summary>A report in the order in which it is read; what a preset has no data for is left out.</summary>
internal static class ReportSections
{
    /// <summary>The sections after the verdict.</summary>
    public static IReadOnlyList<ReportSection> Of(LabFindings findings)
    {
        var preset = findings.Report.Grid.Preset;
        var tables = new ReportTables(findings);
        var settings = new SettingsTables(findings.Report);
        var figures = new ReportFigures(findings);
        bool attacked = preset.Attacks.Count > 0;
        var paper = findings.Report.Settings.Recipe is null ? PaperTables.Of(preset.Name) : [];
        ReportSection[] sections =
        [
            attacked
                ? new("Scores", Paper(paper), [tables.Grid(), .. paper], [.. figures.AgainstAttack(), .. figures.TradeOff()])
                : new("Cost", Paper(paper), [.. Some(settings.Cost()), .. paper], []),
            new("Comparisons", [], findings.Comparisons.Count > 0 ? [tables.Comparisons()] : [], []),
            new("During the attack", [], [], [.. figures.AgainstStep()]),
            new("Hidden embeddings", [], [.. Some(tables.DriftByLayer())], [.. figures.Embeddings()]),
            new("Perturbations", [], [.. Some(settings.Perturbations())], []),
            new("Cost", [], attacked ? [.. Some(settings.Cost())] : [], []),
            new("Every measure", [], [tables.All(), .. attacked ? [tables.BySeed()] : (ReportTable[])[]], [], IsReference: true),
            new("Settings", [], [settings.Settings()], [], IsReference: true),
            new("Data and machine", [], [.. Some(settings.Machine()), settings.Manifest(), .. Some(settings.Files())], [], IsReference: true),
        ];
        return [.. sections.Where(section => section.Tables.Count + section.Figures.Count > 0)];
    }

    private static string[] Paper(IReadOnlyList<ReportTable> paper) => paper.Count == 0 ? [] :
    [
        "Below our own numbers stand the paper’s, as printed, at 7B parameters on other data: for the direction of effects, not for their "
            + "size. The paper gives one run each, without seeds or intervals; its own default point moves by 2 to 4 points between its tables.",
    ];

    private static IEnumerable<ReportTable> Some(ReportTable? table) => table is null ? [] : [table];
}
