using System.CommandLine;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine plan: what a recipe will do and need, and everything that is wrong with it, without training.
/// </summary>
internal static class PlanCommand
{
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(1);

    public static Command Create()
    {
        var recipe = new RecipeSelection();
        var untimed = Untimed();
        var json = new JsonOption();
        var where = new DeviceOptions();
        var command = new Command(
            "plan",
            "Check everything that can be known before a run: rows, tokens, steps, memory, disk, time. Nothing is trained.")
        { untimed, json.Option };
        recipe.AddTo(command);
        where.AddTo(command);
        command.AddExamples("vaccine plan mine.json", "vaccine plan mine.json --set align.rule.rho=1 --no-time --json");
        command.SetAction(parsed => ExitCode.Of(_ =>
        {
            var (grid, origin) = recipe.Read(parsed);
            var files = new DataFiles(origin);
            var trials = grid.Trials();
            var preflight = Preflight.Require(trials, files);
            var plan = new StagePlan(trials, RecipeFormat.Standard, files, where.Arithmetic(parsed));
            var forecast = RunForecast.Of(grid.Recipe.Name, plan, preflight, keepsEverything: trials.Count == 1);
            if (!parsed.GetValue(untimed))
                forecast = Timed(forecast, plan, where, parsed);
            if (!json.Prints(parsed))
                PlanOutput.Write(Terminal.Open(), forecast);
            json.Write(parsed, forecast.ToJson);
            return ExitCode.Done;
        }));
        return command;
    }

    /// <summary>The option --no-time.</summary>
    internal static Option<bool> Untimed() =>
        new("--no-time") { Description = "Take no steps to estimate the time: no memory is needed then." };

    /// <summary>The forecast with times, from a few steps of each stage; without them where memory is short.</summary>
    internal static RunForecast Timed(RunForecast forecast, StagePlan plan, DeviceOptions where, ParseResult parsed)
    {
        if (forecast.PeakBytes > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes && where.IsProcessor(parsed))
            return forecast;
        using var open = new OpenDevices(
            where, parsed, plan.Trials.Count == 1 || plan.Trials[0].Recipe.Report.OneAtATime);
        return forecast.With(StageProbe.Of(plan, forecast, open.Each[0], Budget), open.Each.Count);
    }
}
