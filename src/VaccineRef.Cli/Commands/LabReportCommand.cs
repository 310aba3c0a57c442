using System.CommandLine;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Reporting.TensorBoard;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine lab report: writes the report of a grid from what a cache has of it.</summary>
internal static class LabReportCommand
{
    public static Command Create()
    {
        var file = LabWorkCommand.File();
        var output = new Option<string?>("--out") { Description = "Folder of the report; lab/NAME by default.", HelpName = "DIR" };
        var (cache, events, where) = (ExperimentRunner.Cache(), ExperimentRunner.Events(), new DeviceOptions());
        var command = new Command(
            "report",
            $"Write the report of a plan from what is in the cache; exit {ExitCode.TryAgain} if something is missing there. Nothing is computed.")
        { file, output, cache, events };
        where.AddTo(command);
        command.AddExamples(
            "vaccine lab report plan.json", "vaccine lab report plan.json --cache shared/cache --out reports/mine");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            string path = parsed.GetRequiredValue(file);
            var (grid, stages) = GridPlan.Read(path).Open(path, where.Arithmetic(parsed), cancel);
            var preflight = Preflight.RequireAny(grid.Trials(), stages.Files);
            var store = StageStore.Cache(parsed.GetRequiredValue(cache));
            var outcome = GridPlan.Kept(stages, store);
            string folder = parsed.GetValue(output) ?? Path.Combine("lab", grid.Recipe.Name);
            using var held = new OutputLock(folder);
            ExperimentRunner.Begin(grid, preflight.Data, stages.Files, folder);
            var machine = where.Machine(parsed, grid.Recipe.Report.OneAtATime ? 1 : where.Workers(parsed));
            var report = ExperimentReport.Of(
                grid, stages, outcome, preflight.Data, RecipeFormat.Standard, machine, preflight.Failed);
            report = report with { Answers = SideBySide.Of(report, stages, store) };
            if (parsed.GetValue(events))
                using (var files = new TrialEvents(folder, TimeProvider.System))
                    files.Complete(report);
            ReportOutput.Write(Terminal.Open(), report, folder);
            int code = ReportOutput.Fail(outcome, preflight.Failed);
            LabWorkCommand.Tell(outcome.Missing, "are not in the cache");
            return outcome.Missing.Count > 0 ? ExitCode.TryAgain : code;
        }));
        return command;
    }
}
