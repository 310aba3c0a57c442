using Spectre.Console;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Reporting;

namespace VaccineRef.Cli;

/// <summary>Writes the report of a run or a grid, and shows what it says.</summary>
internal static class ReportOutput
{
    /// <summary>Writes the report into a folder, and prints its table and its conclusions.</summary>
    /// <param name="console">Where it is shown.</param>
    /// <param name="report">The report.</param>
    /// <param name="folder">The folder.</param>
    public static void Write(IAnsiConsole console, ExperimentReport report, string folder)
    {
        var findings = ReportWriter.Write(report, folder);
        foreach (string warning in report.Stages.Values.SelectMany(stage => stage.Warnings ?? []).Distinct())
            Console.Error.WriteLine($"vaccine: warning: {warning}");
        console.WriteLine($"{report.Name}: {report.Title}. Seeds {string.Join(", ", report.Seeds)}.");
        if (report.Trials.Count == 1)
            Tables.Write(console, ComparisonTable.Header([report]), ComparisonTable.Rows([report]));
        else
            Tables.Write(console, SummaryTable.Header(report), SummaryTable.Rows(report));
        foreach (string sentence in findings.Conclusions)
            console.WriteLine(sentence);
        if (report.Answers is { } answers)
            ShowAnswers(console, answers);
        console.WriteLine(
            $"{(report.Interrupted ? "Interrupted. What was found until then" : "The report")} is {Path.Combine(folder, ReportWriter.Html)}; "
            + "beside it the same as Markdown and JSON.");
    }

    private static void ShowAnswers(IAnsiConsole console, SideBySide shown)
    {
        console.WriteLine();
        console.WriteLine(AnswerTable.Caption(shown));
        foreach (var (question, answers) in shown.Questions)
        {
            console.WriteLine();
            console.WriteLine($"  {question}");
            foreach (var (condition, answer) in shown.Conditions.Zip(answers))
                console.WriteLine($"    {condition}: {AnswerTable.Text(answer)}");
        }

        console.WriteLine();
    }

    /// <summary>Says what failed; returns the exit code.</summary>
    public static int Fail(RunOutcome outcome, IReadOnlyList<FailedTrial> failed)
    {
        foreach (var trial in failed)
            Console.Error.WriteLine($"vaccine: {trial}");
        foreach (var failure in outcome.Failures)
            Console.Error.WriteLine(
                $"vaccine: seed {failure.Stage.Trial.Seed}, stage {failure.Stage.Name}: {failure.Error.Message}");
        return outcome.Failures.Count + failed.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }
}
