using System.CommandLine;
using VaccineRef.Experiments.Runs;
using VaccineRef.Models;

namespace VaccineRef.Cli.Commands;

/// <summary>vaccine compare: runs side by side.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        var runs = new Argument<string[]>("runs") { Description = "Run folders.", Arity = ArgumentArity.OneOrMore };
        var markdown = new Option<string?>("--markdown") { Description = "Write the table to this file too.", HelpName = "FILE" };
        var command = new Command("compare", "Show runs side by side.") { runs, markdown };
        command.SetAction(parsed => ExitCode.Of(_ =>
        {
            RunReport[] reports = [.. parsed.GetRequiredValue(runs).Select(RunReport.Read)];
            Tables.Write(Terminal.Open(), RunTable.Header(reports), RunTable.Rows(reports));
            if (parsed.GetValue(markdown) is { } path)
                AtomicFile.WriteText(path, RunTable.Markdown(reports));
            return ExitCode.Done;
        }));
        return command;
    }
}
