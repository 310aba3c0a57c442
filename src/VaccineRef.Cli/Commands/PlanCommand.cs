using System.CommandLine;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine plan: what a recipe will do and need, and everything that is wrong with it, without training.</summary>
internal static class PlanCommand
{
    private static readonly TimeSpan Budget = TimeSpan.FromMinutes(1);

    public static Command Create()
    {
        var recipe = new Argument<string>("recipe") { Description = "The recipe, a JSON file; or the name of a preset." };
        var seeds = SeedOption.Create(null);
        var set = ExperimentRunner.Setting();
        var quick = new Option<bool>("--quick") { Description = "One seed and one attack of a grid, with all its steps." };
        var untimed = new Option<bool>("--no-time") { Description = "Take no steps to estimate the time: no memory is needed then." };
        var json = new JsonOption();
        var where = new DeviceOptions();
        var command = new Command(
            "plan", "Check everything that can be known before a run: rows, tokens, steps, memory, disk, time. Nothing is trained.")
        { recipe, seeds, set, quick, untimed, json.Option };
        where.AddTo(command);
        command.AddExamples("vaccine plan mine.json", "vaccine plan mine.json --set align.rule.rho=1 --no-time --json");
        command.SetAction(parsed => ExitCode.Of(_ =>
        {
            var (grid, origin) = Read(parsed.GetRequiredValue(recipe), parsed.GetValue(set) ?? []);
            if (parsed.GetValue(seeds) is { } given)
                grid = grid.With(SeedOption.Of(given));
            if (parsed.GetValue(quick))
                grid = grid.Quick();
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

    private static (ExperimentGrid Grid, string Origin) Read(string recipe, IReadOnlyList<string> set) =>
        !File.Exists(recipe) && Presets.Names.Contains(recipe)
            ? (new(LabCommand.Preset(recipe, set), RecipeFormat.Standard), ".")
            : (new(RecipeFormat.Standard.Read(recipe, set), RecipeFormat.Standard), Path.GetDirectoryName(Path.GetFullPath(recipe))!);

    private static RunForecast Timed(RunForecast forecast, StagePlan plan, DeviceOptions where, ParseResult parsed)
    {
        if (forecast.PeakBytes > GC.GetGCMemoryInfo().TotalAvailableMemoryBytes && where.IsProcessor(parsed))
            return forecast;
        bool alone = plan.Trials.Count == 1 || plan.Trials[0].Recipe.Report.OneAtATime;
        IReadOnlyList<Device> devices = alone ? [where.Open(parsed)] : where.OpenEach(parsed);
        try
        {
            return forecast.With(StageProbe.Of(plan, forecast, devices[0], Budget), devices.Count);
        }
        finally
        {
            foreach (var device in devices)
                device.Dispose();
        }
    }
}
