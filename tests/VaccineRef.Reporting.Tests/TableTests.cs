using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;

namespace VaccineRef.Reporting.Tests;

public sealed class TableTests
{
    [Fact]
    public void A_comparison_has_a_row_for_each_measurement_and_shows_every_score()
    {
        var run = MadeUpReport.Of(MadeUpRecipes.Run, 1);
        ExperimentReport[] reports = [run, run with { Name = "another run" }];
        var header = ComparisonTable.Header(reports);
        string[][] rows = [.. ComparisonTable.Rows(reports).Select(row => row.ToArray())];
        Assert.Equal(["run", "seed", "moment"], header.Take(3));
        Assert.Equal(["alignment loss", "drift per token"], header.TakeLast(2));
        Assert.Contains("harmful score, synthetic-1", header);
        Assert.All(rows, row => Assert.Equal(header.Count, row.Length));
        Assert.Equal(
            ["one run 10 pretrain", "one run 10 align", "one run 10 attack", "another run 10 pretrain",
                "another run 10 align", "another run 10 attack"],
            rows.Select(row => string.Join(' ', row.Take(3))));
        foreach (var (stage, row) in run.Trials[0].Stages.Skip(1).Zip(rows))
            Assert.All(run.Stages[stage.Hash].Measured!.Scores, score => Assert.Contains(
                $"{score.Numerator}/{score.Denominator} ({NumberFormat.Fixed(score.Percentage, 1)} %)", row));
        Assert.Equal(
            rows.Length + 2,
            ComparisonTable.Markdown(header, rows).Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    // a grid's 2 x 3 x 3 trials share 2 pretrainings and 6 alignments; those stand there once for each condition
    [Fact]
    public void What_trials_share_stands_in_a_comparison_once()
    {
        ExperimentReport[] reports =
        [
            MadeUpReport.Of(MadeUpRecipes.All["demo"], 2), MadeUpReport.Of(MadeUpRecipes.Run, 1),
        ];
        Assert.Equal(["run", "condition", "attack", "seed", "moment"], ComparisonTable.Header(reports).Take(5));
        var rows = ComparisonTable.Rows(reports).ToArray();
        Assert.Equal((2 * 3 * (1 + 1 + 3)) + 3, rows.Length);
        Assert.Equal(rows.Length, rows.Select(row => string.Join('|', row.Take(5))).Distinct().Count());
        Assert.Equal(["one run", "SFT", "10 % harmful, n = 400", "10", "attack"], rows[^1].Take(5));
        Assert.All(rows, row => Assert.Equal(row[4] == "attack", row[2].Length > 0));
    }

    /// <summary>Means and differences are computed here from the reports, and not by the table.</summary>
    [Fact]
    public void Differences_are_means_over_the_seeds_that_both_have()
    {
        ExperimentReport[] reports = [MadeUpReport.Of(MadeUpRecipes.All["demo"], 2),
            MadeUpReport.Of(MadeUpRecipes.All["demo"], 1) with { Name = "other" }];
        var table = new DifferenceTable(reports);
        Assert.Equal(["moment", "attack", "metric"], table.Header.Take(3));
        string[] tried = [.. table.Header.Skip(3).Where(head => head != "difference")];
        var rows = table.Rows().ToArray();
        Assert.All(rows, row => Assert.Equal(table.Header.Count, row.Count));
        Assert.Equal(rows.Length, rows.Select(row => string.Join('|', row.Take(3))).Distinct().Count());

        double Score(ulong seed, string condition) => reports[0].Trials
            .Where(trial => trial.Seed == seed && trial.Condition == condition
                && trial.Attack == reports[0].Trials[^1].Attack)
            .Select(trial => reports[0].Stages[trial.Stages[^1].Hash].Measured!.Scores.First(score => score.Metric == Metrics.HarmfulScore).Percentage)
            .Single();
        string first = reports[0].Trials[0].Condition, last = reports[0].Trials[^1].Condition;
        var line = rows.Last(row => row[2] == $"{Metrics.HarmfulScore}, synthetic-1, %");
        double mean = (Score(10, first) + Score(11, first)) / 2;
        double difference = (Score(10, last) - Score(10, first) + Score(11, last) - Score(11, first)) / 2;
        Assert.Equal(NumberFormat.Fixed(mean, 1), line[3]);
        int column = table.Header.ToList().FindIndex(3, head => head.EndsWith(last, StringComparison.Ordinal));
        Assert.Equal(NumberFormat.Fixed(difference, 1), line[column + 1].TrimStart('+'));
        Assert.Equal(difference > 0, line[column + 1][0] == '+');
        Assert.True(tried.Length >= 3);
    }

    [Fact]
    public void What_is_the_same_has_one_column()
    {
        var run = MadeUpReport.Of(MadeUpRecipes.Run, 1);
        var table = new DifferenceTable([run, run with { Name = "another run" }]);
        Assert.Equal(["moment", "metric", "one run"], table.Header);
        Assert.Equal(["another run is the same as one run"], table.Twins);
    }

    [Fact]
    public void Scores_of_two_judges_stand_in_two_columns()
    {
        var run = MadeUpReport.Of(MadeUpRecipes.Run, 1);
        var other = run with
        {
            Stages = run.Stages.ToDictionary(stage => stage.Key, stage => stage.Value with
            {
                Measured = stage.Value.Measured is { } measured
                    ? measured with { Scores = [.. measured.Scores.Select(score => score with { Judge = "moderation" })] } : null,
            }),
        };
        var header = ComparisonTable.Header([run, other]);
        string[] judges = ["synthetic-1", "moderation"];
        Assert.All(judges, judge => Assert.Single(header, head => head == $"{Metrics.HarmfulScore}, {judge}"));
        Assert.Single(header, head => head == Metrics.Refusals);
    }

    [Fact]
    public void A_summary_fills_as_stages_finish_and_marks_what_is_missing()
    {
        string recipe = MadeUpRecipes.All["demo"];
        var all = MadeUpReport.Of(recipe, 2);
        Assert.Equal(
            ["HS / FA", "aligned", "0 % harmful", "5 % harmful", "10 % harmful", "s/step", "passes", "MB"],
            SummaryTable.Header(all));
        var nothing = SummaryTable.Rows(MadeUpReport.Of(recipe, 2, finished: _ => false));
        Assert.Equal(["SFT", "random direction, rho = 1", "Vaccine, rho = 1"], nothing.Select(row => row[0]));
        Assert.All(nothing, row => Assert.All(row.Skip(1), cell => Assert.Empty(cell)));
        var half = SummaryTable.Rows(MadeUpReport.Of(recipe, 2, finished: node => node.Trial.Seed == 10));
        Assert.All(
            half, row => Assert.All(
                row.Skip(1).Take(4), cell => Assert.EndsWith(" (1 of 2)", cell, StringComparison.Ordinal)));
        var rows = SummaryTable.Rows(all);
        Assert.All(rows, row => Assert.All(row.Skip(1).Take(4), cell => Assert.Matches(@"^\d+\.\d / \d+\.\d$", cell)));
        Assert.Equal(["0.0262", "2F 2B", "9.4"], rows[2].TakeLast(3));
        var failed = SummaryTable.Rows(MadeUpReport.Of(recipe, 2, "SFT"));
        Assert.Equal("SFT (did not converge)", failed[0][0]);
        var models = MadeUpReport.Of(MadeUpRecipes.All["models"], 1);
        Assert.All(SummaryTable.Rows(models), row => Assert.Equal(SummaryTable.Header(models).Count, row.Count));
    }

    [Property]
    public void Markdown_keeps_text_and_ends_no_cell(NonNull<string> any)
    {
        string text = MarkdownText.Inline(any.Get);
        Assert.Equal(
            string.Concat(any.Get.Select(c => char.IsControl(c) ? ' ' : c)),
            System.Text.RegularExpressions.Regex.Replace(text, @"\\(.)", "$1"));
        Assert.DoesNotMatch(@"(?<!\\)(\\\\)*[|<`*]", text);
    }

    [Fact]
    public void The_papers_tables_are_found_by_their_numbers()
    {
        string[] names =
        [
            "table-1", "table-2", "table-5", "table-6", "table-7", "table-8", "table-9", "table-10", "table-11",
        ];
        var tables = PublishedResults.Of([.. names, "table-3"]);
        Assert.Equal(
            names.Select(name => name.Replace("table-", "Table ", StringComparison.Ordinal)),
            tables.Select(table => table.Caption.Split(':')[0]));
        Assert.All(tables, table => Assert.All(table.Rows, row => Assert.Equal(
            table.Labels.Count + table.Groups.Sum(group => group.Columns.Count), row.Count)));
    }
}
