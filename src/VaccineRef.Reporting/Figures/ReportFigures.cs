using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>The pictures of a report, all of its first model; those for which it has no data are left out.</summary>
internal sealed class ReportFigures(Findings findings, TrialIndex trials)
{
    private const int MostBands = 4;
    private readonly string _model = trials.Models is [var first, ..] ? first : "";

    /// <summary>
    /// The harmful score against whatever the attacks vary: the picture with which a report begins; null where they
    /// vary nothing.
    /// </summary>
    public ReportFigure? HarmAgainstAttack() => findings.Estimates.Any(each => each.Metric == ReportMetric.HarmfulScore)
        ? Varied().Select(Harm).FirstOrDefault() : null;

    /// <summary>
    /// The harmful score of each condition after one attack: the picture with which a report begins where its attacks
    /// vary nothing; null where nothing has a harmful score.
    /// </summary>
    public ReportFigure? HarmOfConditions()
    {
        string? attack = trials.Report.Focus is { } focus && trials.Attacks.Contains(focus) ? focus
            : trials.Attacks is [.., var last] ? last : null;
        var rows = trials.Conditions
            .Select(condition => (Condition: condition, Found: findings.Find(_model, condition, attack, ReportMetric.HarmfulScore)))
            .Where(row => attack is not null && row.Found is not null).ToArray();
        if (rows.Length == 0)
            return null;
        var chart = new Chart("HS, %, of each condition", "HS, %", "", percent: false).PercentAcross(rows.Length);
        foreach (var (i, (condition, found)) in rows.Index())
        {
            var (style, mean) = (SeriesStyle.Of(trials, condition), found!.Over.Mean);
            chart.Seeds(style, [.. found.Values.Select(value => (value, -(double)i))]);
            chart.Intervals(style, mean, -i, found.Over.Interval, null);
            chart.Points(style, [(mean, -i)]);
            chart.Name(style, condition, (mean, -i));
        }

        return new($"Harmful score (lower is better) of each condition after {Name(attack)}. {SeedNote}.", [], [chart]);
    }

    /// <summary>What else there is against what the attacks vary.</summary>
    public IEnumerable<ReportFigure> AgainstAttack()
    {
        foreach (var (i, each) in Varied().Index())
        {
            if (i > 0)
                yield return Harm(each);
            if (IsScored)
                yield return AgainstAttack(
                    ReportMetric.FinetuneAccuracy, "FA, %", "Fine-tune accuracy (higher is better)", each);
        }
    }

    /// <summary>The share of harmful data, the number of examples, or both.</summary>
    private IEnumerable<(string What, string Axis, (string Attack, double Place)[] Attacks)> Varied()
    {
        var all = trials.Attacks.Select(trials.TrialOf).OfType<ReportedTrial>().ToArray();
        if (Largest(all, trial => (trial.AttackFamily, trial.AttackExamples), trial => 100 * trial.HarmfulShare) is { } shares)
            yield return ("the share of harmful data", "share of harmful data, %", shares);
        if (Largest(all, trial => (trial.AttackFamily, trial.HarmfulShare), trial => trial.AttackExamples) is { } numbers)
            yield return ("the number n of the user's examples", "number of the user's examples", numbers);
    }

    /// <summary>
    /// The most attacks that differ in nothing but one number, with that number; null unless there are two.
    /// </summary>
    private static (string Attack, double Place)[]? Largest<TKey>(
        ReportedTrial[] all, Func<ReportedTrial, TKey> same, Func<ReportedTrial, decimal?> place) =>
        all.Where(trial => place(trial) is not null).GroupBy(same)
            .Select(group => group.Select(trial => (trial.Attack!, (double)place(trial)!.Value))
                .DistinctBy(each => each.Item2).OrderBy(each => each.Item2))
            .Select(group => group.ToArray()).Where(group => group.Length > 1).MaxBy(group => group.Length);

    private ReportFigure Harm((string What, string Axis, (string Attack, double Place)[] Attacks) varied) =>
        AgainstAttack(ReportMetric.HarmfulScore, "HS, %", "Harmful score (lower is better)", varied);

    private ReportFigure AgainstAttack(
        ReportMetric metric, string title, string name,
        (string What, string Axis, (string Attack, double Place)[] Attacks) varied)
    {
        var (what, axis, attacks) = varied;
        double width = attacks[^1].Place - attacks[0].Place;
        var chart = new Chart($"{title} against {what}", axis, title, percent: true).TicksAt(
            [.. attacks.Select(attack => attack.Place)]);
        foreach (var (i, condition) in trials.Conditions.Index())
        {
            double aside = (i - ((trials.Conditions.Count - 1) / 2.0)) * 0.008 * width;
            var style = SeriesStyle.Of(trials, condition);
            var points = (
                from attack in attacks
                let found = findings.Find(_model, condition, attack.Attack, metric)
                where found is not null
                select (X: attack.Place + aside, found.Over, found.Values)).ToArray();
            if (points.Length == 0)
                continue;
            chart.Seeds(style, [.. points.SelectMany(point => point.Values.Select(value => (point.X, value)))]);
            foreach (var (x, over, _) in points)
                chart.Intervals(style, x, over.Mean, null, over.Interval);
            chart.Line(style, [.. points.Select(point => (point.X, point.Over.Mean))]);
            chart.Name(style, condition, (points[^1].X, points[^1].Over.Mean));
        }

        return new(
            $"{name} after the attack, against {what}. {SeedNote}. Marks are moved apart a little so that none hides another.", [], [chart]);
    }

    /// <summary>HS against FA over the strengths of a perturbation.</summary>
    public IEnumerable<ReportFigure> TradeOff()
    {
        var rules = trials.Conditions.Select(condition => (Condition: condition, Found: trials.Alignments(_model, condition).FirstOrDefault())).ToArray();
        if (rules.Count(rule => rule.Found?.Perturbation is not null) < 3 || trials.Report.Focus is not { } attack)
            yield break;
        var chart =
            new Chart("Harmful score against fine-tune accuracy", "FA, %", "HS, %", percent: true).PercentAcross();
        foreach (var rule in rules.GroupBy(rule => rule.Found?.Cost?.Rule.Split(',')[0]))
        {
            var points = rule.Select(each => (
                each.Condition, Fa: findings.Find(_model, each.Condition, attack, ReportMetric.FinetuneAccuracy)?.Over,
                Hs: findings.Find(_model, each.Condition, attack, ReportMetric.HarmfulScore)?.Over))
                .Where(point => point is { Fa: not null, Hs: not null }).ToArray();
            if (points.Length > 1)
                chart.Line(
                    new SeriesStyle(0), [.. points.Select(point => (point.Fa!.Mean, point.Hs!.Mean))], markers: false);
            foreach (var (condition, fa, hs) in points)
            {
                chart.Intervals(SeriesStyle.Of(trials, condition), fa!.Mean, hs!.Mean, fa.Interval, hs.Interval);
                chart.Points(SeriesStyle.Of(trials, condition), [(fa.Mean, hs.Mean)], size: 5);
            }
        }

        if (IsScored)
            yield return new(
                $"The price of protection after {Name(attack)}: harmful score against fine-tune accuracy, one mark for each condition. Low and to "
                    + $"the right is good. Bars are {Intervals} of either mean; dotted lines join the strengths of one rule in order.",
                Key(trials.Conditions), [chart]);
    }

    /// <summary>What happens over the attack's steps: the paper's Figure 3, and HS and FA besides.</summary>
    public IEnumerable<ReportFigure> AgainstStep()
    {
        if (trials.Report.Focus is not { } attack)
            yield break;
        var curves = trials.Conditions.Where(trials.IsAligned).ToDictionary(
            condition => condition, condition => Curves(condition, attack));
        string[] drawn =
            [.. trials.Conditions.Where(condition => curves.TryGetValue(condition, out var found) && found.Length > 0)];
        Chart? Panel(string title, bool percent, Func<Measurement, double?> of)
        {
            if (!drawn.All(condition => curves[condition].All(curve => curve.All(point => of(point.Measured) is { } value && double.IsFinite(value)))))
                return null;
            var chart = new Chart($"{title} against fine-tuning step", "fine-tuning step", title, percent);
            if (!percent)
                chart.FromZero();
            foreach (string condition in drawn)
                chart.Band(
                    SeriesStyle.Of(trials, condition), Means(curves[condition], of),
                    withBand: drawn.Length <= MostBands);
            return chart;
        }

        Chart[] panels = drawn.Length == 0 ? [] :
        [
            .. ((Chart?[])
            [
                Panel("alignment loss", false, point => point.AlignmentLoss),
                Panel("drift per token", false, point => point.Drift?.PerToken),
                Panel("HS, %", true, point => point.Find(Metrics.HarmfulScore)?.Percentage),
                Panel("FA, %", true, point => point.Accuracy?.Percentage),
            ]).OfType<Chart>(),
        ];
        if (panels.Length == 0)
            yield break;
        yield return new(
            $"What the user's fine-tuning does, step by step, in {Name(attack)}: the alignment loss (nats per token of what was learned there) and "
                + "the drift of the hidden embeddings, as in the paper's Figure 3; harmful score and fine-tune accuracy besides. "
                + (trials.Seeds.Count == 1 ? "One seed." : drawn.Length <= MostBands ? $"Means over seeds; bands are {Intervals}." : "Means over seeds."),
            Key(drawn), panels);
    }

    /// <summary>Hidden embeddings before and after the attack: the paper's Figure 4.</summary>
    public IEnumerable<ReportFigure> Embeddings()
    {
        string?[] shown = [trials.Control,
            trials.Report.Options.Primary ?? trials.Conditions.LastOrDefault(each => each != trials.Control)];
        var pictures = (
            from condition in shown.OfType<string>()
            let trial = trials.Report.Trials.FirstOrDefault(trial => trial.Condition == condition
                && trial.Model == _model
                && trial.Attack == trials.Report.Focus
                && trials.Report.Attacked(trial)?.Projection is { Groups.Count: > 0 })
            where trial is not null
            select (Trial: trial, Projection: trials.Report.Attacked(trial)!.Projection!)).ToArray();
        if (pictures.Length == 0)
            yield break;
        int Prompts(bool harmful) =>
            pictures[0].Projection.Groups.FirstOrDefault(group => group.Harmful == harmful)?.Points.Count ?? 0;
        yield return new(
            "Hidden embeddings before and after the attack, as in the paper's Figure 4: the last block's attention output at the end of "
                + $"each of {Prompts(true)} harmful prompts and {Prompts(false)} of the user's task, on the two principal axes of all of them (the "
                + $"paper uses t-SNE). One seed, {pictures[0].Trial.Seed}, in {Name(trials.Report.Focus)}; axes differ between panels. An "
                + "illustration: drift is what measures it.",
            [
                ("harmful, before", Cloud(true, false)), ("harmful, after", Cloud(true, true)),
                ("user's task, before", Cloud(false, false)),
                ("user's task, after", Cloud(false, true)),
            ],
            [.. pictures.Select(picture => Panel(picture.Trial.Condition, picture.Projection))]);
    }

    private static SeriesStyle Cloud(bool harmful, bool attacked) => new(harmful ? 1 : 2, Hollow: !attacked);

    private static Chart Panel(string condition, EmbeddingProjection projection)
    {
        string Share(int axis) =>
            $"principal axis {axis + 1} ({NumberFormat.Fixed(100 * projection.Explained[axis], 0)}% of the variance)";
        var chart = new Chart(condition, Share(0), Share(1), percent: false);
        foreach (var group in projection.Groups)
            chart.Points(
                Cloud(group.Harmful, group.Attacked), [.. group.Points.Select(point => (point[0], point[1]))], size: 3);
        return chart;
    }

    /// <summary>Means over the curves of some seeds, point by point.</summary>
    private static (double Step, Estimate Over)[] Means(
        IReadOnlyList<CurvePoint>[] curves, Func<Measurement, double?> of) =>
    [
        .. from point in curves[0].Index()
           let values = curves.Where(curve => curve.Count > point.Index)
               .Select(curve => of(curve[point.Index].Measured)).OfType<double>().ToArray()
           where values.Length > 0
           select ((double)point.Item.Step, Estimate.Of(values, Analysis.Resampling)),
    ];

    /// <summary>Whether the user's task has an accuracy.</summary>
    private bool IsScored => findings.Estimates.Any(each => each.Metric == ReportMetric.FinetuneAccuracy);

    private string SeedNote =>
        trials.Seeds.Count > 1
            ? $"Means over seeds, each seed a faint dot; bars are {Intervals}"
            : "One seed: no intervals";

    private string Intervals => trials.Seeds.Count > 1
        ? $"95% bootstrap intervals over {trials.Seeds.Count} seeds" : "left out: one seed has no interval";

    private string Name(string? attack) =>
        attack is null || attack == trials.Report.Options.Attack ? "the attack" : $"the attack “{attack}”";

    private (string, SeriesStyle)[] Key(IReadOnlyList<string> conditions) =>
        [.. conditions.Select(condition => (condition, SeriesStyle.Of(trials, condition)))];

    private IReadOnlyList<CurvePoint>[] Curves(string condition, string attack) =>
    [
        .. trials.OverSeeds(_model, condition, attack)
            .Where(found => found.Converged != false && found.Result.Curve.Count > 0)
            .Select(found => found.Result.Curve),
    ];
}

/// <summary>A picture of the report: panels with one key.</summary>
/// <param name="Caption">What is seen in it.</param>
/// <param name="Key">What each style means.</param>
/// <param name="Panels">The panels.</param>
internal sealed record ReportFigure(
    string Caption, IReadOnlyList<(string Name, SeriesStyle Style)> Key, IReadOnlyList<Chart> Panels);
