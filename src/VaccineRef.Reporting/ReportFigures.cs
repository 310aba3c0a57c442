using VaccineRef.Core;
using VaccineRef.Experiments.Lab;
using VaccineRef.Reporting.Statistics;

namespace VaccineRef.Reporting;

/// <summary>The pictures of a report; those for which a preset has no data are left out.</summary>
internal sealed class ReportFigures(LabFindings findings)
{
    private const int MostBands = 4;
    private static readonly RandomStream Random = RandomStream.FromSeed(0).At("lab statistics").At("bootstrap");
    private readonly LabPreset _preset = findings.Report.Grid.Preset;
    private readonly string _size = findings.Report.Grid.Preset.Sizes[0].Name;

    /// <summary>HS and FA against whatever the attacks vary: p or n.</summary>
    public IEnumerable<ReportFigure> AgainstAttack()
    {
        var plain = _preset.Attacks.Where(attack => attack.StepFactor == 1).ToArray();
        if (plain.Select(attack => attack.HarmfulRatio).Distinct().Count() > 1)
            yield return AgainstAttack("the harmful ratio p", [.. plain.GroupBy(attack => attack.Samples).First()], a => (double)a.HarmfulRatio);
        if (plain.Select(attack => attack.Samples).Distinct().Count() > 1)
            yield return AgainstAttack("the number n of the user's examples", [.. plain.GroupBy(a => a.HarmfulRatio).First()], a => a.Samples);
    }

    private ReportFigure AgainstAttack(string what, LabAttack[] attacks, Func<LabAttack, double> place)
    {
        double[] places = [.. attacks.Select(place)];
        Chart Panel(LabMetric metric, string title)
        {
            var chart = new Chart($"{title} against {what}", what[(what.IndexOf(' ') + 1)..], title, percent: true).TicksAt(places);
            foreach (var arm in _preset.Arms)
            {
                var points = (
                    from attack in attacks
                    let found = findings.Find(_size, arm, attack, metric)
                    where found is not null
                    select (place(attack), found.Over)).ToArray();
                var mark = Mark.Of(_preset, arm);
                double aside = (Array.IndexOf([.. _preset.Arms], arm) - ((_preset.Arms.Count - 1) / 2.0)) * 0.008 * (places[^1] - places[0]);
                foreach (var (x, y) in points)
                    chart.Intervals(mark, x + aside, y.Mean, null, y.Interval);
                chart.Line(mark, [.. points.Select(point => (point.Item1 + aside, point.Over.Mean))]);
            }

            return chart;
        }

        return new(
            $"Harmful score (left; lower is better) and fine-tune accuracy (right; higher is better) after the attack, against {what}. "
                + $"Means over seeds; bars are {Intervals}. Marks are moved apart a little so that bars can be told from one another.",
            Key(_preset.Arms), [Panel(LabMetric.HarmfulScore, "HS, %"), .. IsScored ? (Chart[])[Panel(LabMetric.FinetuneAccuracy, "FA, %")] : []]);
    }

    /// <summary>HS against FA over the strengths of a perturbation.</summary>
    public IEnumerable<ReportFigure> TradeOff()
    {
        if (_preset.Arms.Count(arm => arm.Method is { Rho: not null } or { Variance: not null }) < 3 || _preset.Attacks.Count == 0)
            yield break;
        var attack = _preset.Attacks[^1];
        var chart = new Chart("Harmful score against fine-tune accuracy", "FA, %", "HS, %", percent: true).PercentAcross();
        foreach (var rule in _preset.Arms.GroupBy(arm => arm.Method?.Rule))
        {
            var points = rule.Select(arm => (
                Arm: arm, Fa: findings.Find(_size, arm, attack, LabMetric.FinetuneAccuracy)?.Over,
                Hs: findings.Find(_size, arm, attack, LabMetric.HarmfulScore)?.Over)).Where(point => point is { Fa: not null, Hs: not null }).ToArray();
            if (points.Length > 1)
                chart.Line(new Mark(0), [.. points.Select(point => (point.Fa!.Mean, point.Hs!.Mean))], markers: false);
            foreach (var (arm, fa, hs) in points)
            {
                chart.Intervals(Mark.Of(_preset, arm), fa!.Mean, hs!.Mean, fa.Interval, hs.Interval);
                chart.Points(Mark.Of(_preset, arm), [(fa.Mean, hs.Mean)], size: 5);
            }
        }

        yield return new(
            $"The price of protection at {AttackName.Of(attack)}: harmful score against fine-tune accuracy, one mark for each arm. Low and to "
                + $"the right is good. Bars are {Intervals} of either mean; dotted lines join the strengths of one rule in order.",
            Key(_preset.Arms), [chart]);
    }

    /// <summary>What happens over the attack's steps: the paper's Figure 3, and HS and FA besides.</summary>
    public IEnumerable<ReportFigure> AgainstStep()
    {
        if (_preset.Attacks.Where(attack => attack.HarmfulRatio > 0).DefaultIfEmpty().Last() is not { } last)
            yield break;
        var attack = _preset.Attacks.FirstOrDefault(each =>
            each.StepFactor == 1 && each.HarmfulRatio == findings.Report.Settings.ProjectedRatio) ?? last;
        var arms = _preset.Arms.Where(arm => arm.Method is not null).ToArray();
        if (arms.All(arm => Curves(arm, attack).Length == 0))
            yield break;
        Chart Panel(string title, bool percent, Func<LabPoint, double> of)
        {
            var chart = new Chart($"{title} against fine-tuning step", "fine-tuning step", title, percent);
            if (!percent)
                chart.FromZero();
            foreach (var arm in arms)
            {
                var curves = Curves(arm, attack);
                if (curves.Length == 0)
                    continue;
                var points = curves[0].Select((point, i) => (
                    (double)point.Step, Estimate.Of([.. curves.Where(curve => curve.Count > i).Select(curve => of(curve[i]))], Random))).ToArray();
                if (arms.Length <= MostBands)
                    chart.Band(Mark.Of(_preset, arm), points);
                else
                    chart.Line(Mark.Of(_preset, arm), [.. points.Select(point => (point.Item1, point.Item2.Mean))]);
            }

            return chart;
        }

        yield return new(
            $"What the user's fine-tuning does, step by step, at {AttackName.Of(attack)}: the alignment loss (nats per token of the refusals that "
                + "were learned) and the drift of the hidden embeddings, as in the paper's Figure 3; harmful score and fine-tune accuracy below. "
                + (arms.Length <= MostBands ? $"Means over seeds; bands are {Intervals}." : "Means over seeds."),
            Key(arms),
            [
                Panel("alignment loss", false, point => point.AlignmentLoss), Panel("drift per token", false, point => point.Drift.PerToken),
                Panel("HS, %", true, point => point.HarmfulScore.Percentage),
                .. IsScored ? (Chart[])[Panel("FA, %", true, point => point.FinetuneAccuracy!.Value.Percentage)] : [],
            ]);
    }

    /// <summary>Hidden embeddings before and after the attack: the paper's Figure 4.</summary>
    public IEnumerable<ReportFigure> Embeddings()
    {
        string[] shown = [_preset.Primary.Control, _preset.Primary.Arm];
        var cells = shown.Select(name => findings.Report.Results.FirstOrDefault(
            result => result.Cell.Arm.Name == name && result.Cell.Size.Name == _size && result.Projection is not null))
            .OfType<LabResult>().ToArray();
        if (cells.Length == 0)
            yield break;
        yield return new(
            "Hidden embeddings before and after the attack, as in the paper's Figure 4: the last block's attention output at the end of "
                + $"each of {cells[0].Projection!.Groups[0].Points.Count} harmful prompts and as many of the user's task, on the two principal axes "
                + $"of all of them (the paper uses t-SNE). One seed, {cells[0].Cell.Seed}, at {AttackName.Of(cells[0].Cell.Attack)}; "
                + "axes differ between panels. An illustration: it is measured as drift, above.",
            [
                ("harmful, before", Cloud(true, false)), ("harmful, after", Cloud(true, true)), ("user's task, before", Cloud(false, false)),
                ("user's task, after", Cloud(false, true)),
            ],
            [.. cells.Select(Panel)]);

        static Mark Cloud(bool harmful, bool attacked) => new(harmful ? 1 : 2, Hollow: !attacked);

        static Chart Panel(LabResult cell)
        {
            string Share(int axis) => $"principal axis {axis + 1} ({Shown.Fixed(100 * cell.Projection!.Explained[axis], 0)}% of the variance)";
            var chart = new Chart(cell.Cell.Arm.Name, Share(0), Share(1), percent: false);
            foreach (var group in cell.Projection!.Groups)
                chart.Points(Cloud(group.Harmful, group.Attacked), [.. group.Points.Select(point => (point[0], point[1]))], size: 3);
            return chart;
        }
    }

    /// <summary>Whether the user's task has an accuracy.</summary>
    private bool IsScored => findings.Report.Results.All(result => result.Measured.FinetuneAccuracy is not null);

    private string Intervals => findings.Report.Grid.Seeds.Count > 1
        ? $"95% bootstrap intervals over {findings.Report.Grid.Seeds.Count} seeds" : "left out: one seed has no interval";

    private (string, Mark)[] Key(IReadOnlyList<LabArm> arms) => [.. arms.Select(arm => (arm.Name, Mark.Of(_preset, arm)))];

    private IReadOnlyList<LabPoint>[] Curves(LabArm arm, LabAttack attack) =>
    [
        .. findings.Report.Results
            .Where(result => result.Cell.Arm == arm && result.Cell.Attack == attack && result.Cell.Size.Name == _size)
            .Where(result => result.Converged != false && result.Curve.Count > 0).Select(result => result.Curve),
    ];
}
