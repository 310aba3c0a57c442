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
        var markdown = new Option<string?>("--markdown") { Description = "Write the table to this file too.", HelpName = "FILE" };
        var command = new Command("compare", "Show runs side by side.") { runs, markdown };
        command.AddExamples("vaccine compare runs/sft runs/vaccine", "vaccine compare runs/sft runs/vaccine --markdown table.md");
        command.SetAction(parsed => ExitCode.Of(_ =>
        {
            ExperimentReport[] reports = [.. parsed.GetRequiredValue(runs).Select(ReportWriter.Read)];
            Tables.Write(Terminal.Open(), ComparisonTable.Header(reports), ComparisonTable.Rows(reports));
            if (parsed.GetValue(markdown) is { } path)
                AtomicFile.WriteText(path, ComparisonTable.Markdown(reports));
            return ExitCode.Done;
        }));
        return command;
    }
}
