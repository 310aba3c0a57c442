using System.CommandLine;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine lab plan: writes a grid as a file that workers on several machines share.</summary>
internal static class LabPlanCommand
{
    public static Command Create()
    {
        var recipe = new RecipeSelection();
        var untimed = PlanCommand.Untimed();
        var output = new Option<string>("--out", "-o")
        {
            Description = "The file.",
            DefaultValueFactory = _ => GridPlan.FileName,
            HelpName = "FILE",
        };
        var where = new DeviceOptions();
        var command = new Command("plan", "Write the stages of a grid, level by level, into a file that lab work and lab report take.")
        { untimed, output };
        recipe.AddTo(command);
        where.AddTo(command);
        command.AddExamples(
            "vaccine lab plan mine.json -o plan.json", "vaccine lab plan rho --seeds 10-29 --no-time -o rho.json");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            string path = parsed.GetRequiredValue(output);
            var (grid, origin) = recipe.Read(parsed);
            var (plan, _) = Make(
                grid, origin, Path.GetDirectoryName(Path.GetFullPath(path))!, where, parsed, !parsed.GetValue(untimed),
                cancel);
            plan.Write(path);
            Show(Terminal.Open(), plan);
            return ExitCode.Done;
        }));
        return command;
    }

    /// <summary>Makes the plan of a grid.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="origin">The folder that the recipe's paths are relative to.</param>
    /// <param name="folder">The folder in which the plan will lie.</param>
    /// <param name="where">Where it will be computed.</param>
    /// <param name="parsed">The command line.</param>
    /// <param name="timed">Whether a few steps of each stage are taken to estimate its time.</param>
    /// <param name="cancel">Stops the reading of files.</param>
    /// <exception cref="InputException">Something is wrong with every trial.</exception>
    internal static (GridPlan Plan, StagePlan Stages) Make(
        ExperimentGrid grid, string origin, string folder, DeviceOptions where, ParseResult parsed, bool timed,
        CancellationToken cancel)
    {
        var files = new DataFiles(origin, cancel);
        var preflight = Preflight.RequireAny(grid.Trials(), files);
        if (preflight.Failed.Count > 0)
            ExperimentRunner.Warn(new PlanException(preflight.Problems, preflight.Kept).Message);
        var stages = new StagePlan(preflight.Sound, RecipeFormat.Standard, files, where.Arithmetic(parsed));
        var forecast = RunForecast.Of(grid.Recipe.Name, stages, preflight, keepsEverything: false);
        if (timed)
            forecast = PlanCommand.Timed(forecast, stages, where, parsed);
        return (GridPlan.Of(grid, stages, forecast, preflight.Failed, folder), stages);
    }

    /// <summary>Prints how many stages each level has, and what they need.</summary>
    internal static void Show(IAnsiConsole console, GridPlan plan) => Tables.Write(
        console, ["level", "stages", "which", "memory of one", "each takes about"],
        plan.Levels.Select((level, i) => (IReadOnlyList<string>)
        [
            $"{i}", $"{level.Count}", string.Join(", ", level.Select(stage => stage.Stage).Distinct()),
            PlanOutput.Bytes(level.Max(stage => stage.PeakBytes)),
            level.All(stage => stage.Seconds is not null)
                ? PlanOutput.Time(level.Average(stage => stage.Seconds!.Value))
                : "not probed",
        ]));
}
