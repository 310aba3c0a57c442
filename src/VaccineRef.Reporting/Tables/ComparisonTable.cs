using System.Text;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Reporting;

/// <summary>
/// Reports side by side, measurement by measurement. What is the same in all rows and only names them is left out.
/// </summary>
public static class ComparisonTable
{
    /// <summary>The header: what identifies a row, every score that any report has, alignment loss and drift.</summary>
    public static IReadOnlyList<string> Header(IReadOnlyList<ExperimentReport> reports)
    {
        var rows = Measured(reports);
        return [.. Names(rows).Select(name => name.Head), .. Scores(rows), "alignment loss", "drift per token"];
    }

    /// <summary>
    /// A row for each measurement: after each stage of each trial, in order, the model as it was given first. What
    /// several trials share stands there once. A score is written as "k/N (percentage)".
    /// </summary>
    public static IEnumerable<IReadOnlyList<string>> Rows(IReadOnlyList<ExperimentReport> reports)
    {
        var rows = Measured(reports);
        string[] scores = Scores(rows);
        var names = Names(rows);
        return rows.Select(row => (IReadOnlyList<string>)
        [
            .. names.Select(name => name.Of(row)),
            .. scores.Select(column => NumberFormat.Score(ScoreColumns.Find(row.Measured, column))),
            row.Measured.AlignmentLoss is { } loss ? NumberFormat.Fixed(loss, 4) : "",
            row.Measured.Drift is { } drift ? NumberFormat.Fixed(drift.PerToken, 3) : "",
        ]);
    }

    /// <summary>A table as Markdown.</summary>
    public static string Markdown(IReadOnlyList<string> header, IEnumerable<IReadOnlyList<string>> rows)
    {
        var text = new StringBuilder(MarkdownText.Row(header)).Append(MarkdownText.Rule(header.Select(_ => "---")));
        foreach (var row in rows)
            text.Append(MarkdownText.Row(row));
        return text.ToString();
    }

    internal static Row[] Measured(IReadOnlyList<ExperimentReport> reports) =>
        [.. reports.SelectMany((report, i) => Measured(report, i)
            .DistinctBy(row => (row.Trial.Seed, row.Model, row.Condition, row.Hash)))];

    private static IEnumerable<Row> Measured(ExperimentReport report, int place) =>
        from trial in report.Trials
        from stage in trial.Stages
        let result = report.Stages.GetValueOrDefault(stage.Hash)
        where result?.Measured is not null
        let attacked = trial.Stages.TakeWhile(each => each.Hash != stage.Hash).Append(stage)
            .Any(each => each.Name == report.Options.Attack)
        select new Row(place, report, trial, attacked ? Attack(report, trial) : "", result);

    /// <summary>
    /// An attack by its label; where the recipe has only one, which has no label of its own, by its data.
    /// </summary>
    private static string Attack(ExperimentReport report, ReportedTrial trial) =>
        trial.Attack != report.Options.Attack || trial.HarmfulShare is not { } share ? trial.Attack ?? "" :
        $"{NumberFormat.Plain(100 * share)} % harmful{(trial.AttackExamples is { } examples ? $", n = {examples}" : "")}";

    /// <summary>
    /// The columns that name a row: always the report, the seed and the moment; the others where they differ.
    /// </summary>
    internal static (string Head, Func<Row, string> Of)[] Names(Row[] rows)
    {
        bool Differs(Func<Row, string> of) => rows.Select(of).Where(text => text.Length > 0).Distinct().Skip(1).Any();
        (string Head, Func<Row, string> Of, bool Always)[] all =
        [
            ("run", row => row.Report.Name, true), ("model", row => row.Model, false),
            ("condition", row => row.Condition, false),
            ("attack", row => row.Attack, false), ("seed", row => $"{row.Trial.Seed}", true),
            ("moment", row => row.Result.Stage, true),
        ];
        return [.. all.Where(name => name.Always || Differs(name.Of)).Select(name => (name.Head, name.Of))];
    }

    private static string[] Scores(Row[] rows) => ScoreColumns.Of(rows.Select(row => row.Measured));

    internal sealed record Row(
        int Place, ExperimentReport Report, ReportedTrial Trial, string Attack, StageResult Result)
    {
        public string Model => Trial.Model;

        public string Condition => Trial.Condition;

        public string Hash => Result.Hash;

        public Measurement Measured => Result.Measured!;
    }
}

/// <summary>
/// Columns of scores: metrics that mean something else with another judge have a column for each judge.
/// </summary>
internal static class ScoreColumns
{
    private static readonly string[] Judged = [Metrics.HarmfulScore, Metrics.Accuracy];

    /// <summary>The columns of some measurements, in the order in which they occur.</summary>
    public static string[] Of(IEnumerable<Measurement> measurements) =>
        [.. measurements.SelectMany(measured => measured.Scores).Select(Head).Distinct()];

    /// <summary>The score that stands in a column; null where it was not taken.</summary>
    public static Score? Find(Measurement measured, string column) =>
        measured.Scores.FirstOrDefault(score => Head(score) == column);

    private static string Head(Score score) =>
        Judged.Any(metric => score.Metric.StartsWith(metric, StringComparison.Ordinal))
            ? $"{score.Metric}, {score.Judge}"
            : score.Metric;
}
