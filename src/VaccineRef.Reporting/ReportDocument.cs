using VaccineRef.Experiments.Evaluation;

namespace VaccineRef.Reporting;

/// <summary>A report in the order in which it is read, for whoever writes it as a page.</summary>
/// <param name="Title">Its title.</param>
/// <param name="Subtitle">What it is about, in a line.</param>
/// <param name="Headline">The finding as one sentence.</param>
/// <param name="Picture">The one picture that shows it; null where there is none.</param>
/// <param name="World">What the synthetic world is, a sentence each; none where the model is another.</param>
/// <param name="ConclusionsTitle">What stands above the conclusions.</param>
/// <param name="Conclusions">What was found, a sentence each.</param>
/// <param name="Sections">What follows; sections without tables and figures are left out.</param>
internal sealed record ReportDocument(
    string Title, string Subtitle, string Headline, ReportFigure? Picture, IReadOnlyList<string> World,
    string ConclusionsTitle,
    IReadOnlyList<string> Conclusions, IReadOnlyList<ReportSection> Sections)
{
    private const string CostTitle = "Cost";

    private static readonly string[] AboutTheWorld =
    [
        "The synthetic world is a small language made by code, and the model that learns it is tiny.",
        "Its harmful questions ask how made-up things are made, which the aligned model is to refuse; nothing in it harms anybody.",
        "What is found there shows whether a method works as it is meant to, and not how large its effect is in a real language model.",
    ];

    /// <summary>The first picture of the report; null where there is none.</summary>
    public ReportFigure? FirstFigure => Picture ?? Sections.SelectMany(section => section.Figures).FirstOrDefault();

    /// <summary>Puts a report together: all that its findings have data for.</summary>
    public static ReportDocument Of(Findings findings)
    {
        var trials = new TrialIndex(findings.Report);
        bool single = findings.Report.Trials.Count == 1;
        var sections = single ? OfOneTrial(findings, trials) : OfAGrid(findings, trials);
        return new(
            findings.Report.Title, About(trials), new Headline(trials, findings.Comparisons).Sentence(),
            single ? null : Opening(new(findings, trials)), trials.IsOfTheWorld ? AboutTheWorld : [],
            single ? "What was found" : "What holds and what does not", findings.Conclusions,
            [.. sections.Concat(Reference(trials)).Where(section => section.Tables.Count + section.Figures.Count > 0)]);
    }

    private static ReportFigure? Opening(ReportFigures figures) =>
        figures.HarmAgainstAttack() ?? figures.HarmOfConditions();

    private static IEnumerable<ReportSection> OfAGrid(Findings findings, TrialIndex trials)
    {
        var (tables, settings, figures) =
            (new ScoreTables(findings, trials), new SettingsTables(trials), new ReportFigures(findings, trials));
        var (sweep, pareto) = (new SweepTables(findings, trials), new ParetoFigure(findings, trials));
        bool attacked = trials.Attacks.Count > 0;
        var published = PublishedResults.Of(findings.Report.Options.Published);
        string[] note = published.Count == 0 ? [] : [AboutPublished];
        return
        [
            attacked
                ? new(
                    "Scores", note, [.. Some(tables.Grid()), .. published],
                    [.. figures.AgainstAttack(), .. figures.TradeOff()])
                : new(CostTitle, note, [.. Some(settings.Cost()), .. published], []),
            new("The worst attack", [], [.. Some(sweep.WorstCases()), .. Some(sweep.Outside()), .. Some(sweep.Dominations())], [.. pareto.Figures()]),
            new("Answers", [], [.. AnswerTable.Of(findings.Report)], []),
            new("Comparisons", [], [.. Some(tables.Comparisons())], [], IsReference: true),
            new("During the attack", [], [], [.. figures.AgainstStep()]),
            new("Hidden embeddings", [], [.. Some(tables.DriftByLayer())], [.. figures.Embeddings()]),
            new("What goes with harm", [], [.. Some(AssociationTable.Of(findings, trials))], []),
            new("Perturbations", [], [.. Some(settings.Perturbations())], []),
            new("Edits of the weights", [], [.. Some(settings.Edits())], []),
            new(CostTitle, [], attacked ? [.. Some(settings.Cost())] : [], []),
            new("Every measure", [], [.. Some(tables.All()), .. attacked ? Some(tables.BySeed()) : []], [], IsReference: true),
        ];
    }

    private static IEnumerable<ReportSection> OfOneTrial(Findings findings, TrialIndex trials)
    {
        var (tables,
            settings) = (new StageTables(findings.Report, findings.Report.Trials[0]), new SettingsTables(trials));
        var figures = new ReportFigures(findings, trials);
        return
        [
            new("Measurements", [], [.. Some(tables.Measurements())], []),
            new("During the attack", [], [], [.. figures.AgainstStep()]),
            new("Hidden embeddings", [], [], [.. figures.Embeddings()]),
            new("Perturbations", [], [.. Some(settings.Perturbations())], []),
            new("Edits of the weights", [], [.. Some(tables.Edits())], []),
            new(CostTitle, [], [.. Some(tables.Cost())], []),
        ];
    }

    private static IEnumerable<ReportSection> Reference(TrialIndex trials)
    {
        var settings = new SettingsTables(trials);
        return
        [
            new("Settings", [], [settings.Settings()], [], IsReference: true),
            new("Before a stage failed", [], [.. Some(UnfinishedTable.Of(trials.Report))], []),
            new("Data and machine", [], [.. Some(settings.Machine()), .. Some(settings.Data()), .. Some(settings.Files())], [], IsReference: true),
        ];
    }

    private static string About(TrialIndex trials)
    {
        var report = trials.Report;
        string seeds = trials.Seeds.Count == 1
            ? $"seed {trials.Seeds[0]}"
            : $"{trials.Seeds.Count} seeds ({string.Join(", ", trials.Seeds)})";
        string[] judges =
        [
            .. report.Stages.Values.Select(stage => stage.Measured?.Find(Metrics.HarmfulScore)?.Judge).OfType<string>()
                .Distinct()
                .Order(StringComparer.Ordinal),
        ];
        string models = $"{(trials.Models.Count == 1 ? "the model" : "the models")} {string.Join(", ", trials.Models)}";
        string subject = trials.IsOfTheWorld ? $"a synthetic world, {models}"
            : judges.Length == 0 ? models : $"{models}, answers judged by {string.Join(", ", judges)}";
        return $"VaccineRef, recipe “{report.Name}”: {subject}, {seeds}. Vaccine: Huang, Hu, Liu, NeurIPS 2024 (arXiv 2402.01109).";
    }

    private const string AboutPublished =
        "Below our own numbers stand the paper’s, as printed, at 7B parameters on other data: for the direction of effects, not for their "
        + "size. The paper gives one run each, without seeds or intervals; its own default point moves by 2 to 4 points between its tables.";

    private static IEnumerable<ReportTable> Some(ReportTable? table) => table is null ? [] : [table];
}

/// <summary>A part of the report.</summary>
/// <param name="Title">Its title.</param>
/// <param name="Text">Paragraphs.</param>
/// <param name="Tables">Its tables.</param>
/// <param name="Figures">Its pictures.</param>
/// <param name="IsReference">Whether it is for looking things up and may begin folded.</param>
internal sealed record ReportSection(
    string Title, IReadOnlyList<string> Text, IReadOnlyList<ReportTable> Tables, IReadOnlyList<ReportFigure> Figures,
    bool IsReference = false);
