using System.CommandLine;
using VaccineRef.Experiments.Grid;
using VaccineRef.Models;
using VaccineRef.Reporting;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine compare: shows runs and grids side by side.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var runs = new Argument<string[]>("runs") { Description = "Folders of runs or grids.", Arity = ArgumentArity.OneOrMore };
        var markdown =
            new Option<string?>("--markdown") { Description = "Write the table to this file too.", HelpName = "FILE" };
        var each = new Option<bool>("--each") { Description = "Show every measurement of every seed, instead of means and differences." };
        var command = new Command(
            "compare",
            "Show what runs and grids found side by side, and how far each is from the first.") { runs, each, markdown };
        command.AddExamples(
            "vaccine compare runs/sft runs/vaccine", "vaccine compare lab/demo --each --markdown table.md");
        command.SetAction(parsed => ExitCode.Of(_ =>
        {
            string[] folders = parsed.GetRequiredValue(runs);
            ExperimentReport[] reports = [.. folders.Select(ReportWriter.Read)];
            // recipes of one name are told apart by where their reports lie
            if (reports.DistinctBy(report => report.Name).Count() < reports.Length)
                reports = [.. reports.Zip(folders, (report, folder) => report with { Name = folder })];
            var differences = new DifferenceTable(reports);
            bool all = parsed.GetValue(each);
            var header = all ? ComparisonTable.Header(reports) : differences.Header;
            IReadOnlyList<string>[] rows = [.. all ? ComparisonTable.Rows(reports) : differences.Rows()];
            Tables.Write(Terminal.Open(), header, rows);
            foreach (string twin in all ? [] : differences.Twins)
                Console.Out.WriteLine($"{twin}.");
            if (parsed.GetValue(markdown) is { } path)
                AtomicFile.WriteText(path, ComparisonTable.Markdown(header, rows));
            return ExitCode.Done;
        }));
        return command;
    }
}
