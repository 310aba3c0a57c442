using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Evaluation;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Reporting;

namespace VaccineRef.Cli;

/// <summary>
/// Shows the progress of an experiment. A single trial has a bar for each stage. A grid has a table, which is redrawn
/// on a terminal; in a file there is a line for each finished stage.
/// </summary>
internal static class ExperimentDisplay
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(250);

    /// <summary>Runs <paramref name="work"/>, and shows what it reports until it ends.</summary>
    public static RunOutcome While(IAnsiConsole console, ExperimentGrid grid, StagePlan plan, Func<Action<RunProgress>, RunOutcome> work)
    {
        RunOutcome? outcome = null;
        if (plan.Trials.Count == 1)
            Display.While(console, show => outcome = work(at => Stages(at, show)));
        else
            Grid(console, grid, plan, show => outcome = work(show));
        return outcome!;
    }

    private static void Stages(RunProgress at, Action<Progressed> show)
    {
        foreach (var running in at.Running)
            show(new(running.Stage.Name, Detail(running), running.Last?.Step ?? 0, running.Steps));
    }

    private static void Grid(IAnsiConsole console, ExperimentGrid grid, StagePlan plan, Action<Action<RunProgress>> work)
    {
        var clock = Stopwatch.StartNew();
        if (!console.CanRedraw())
        {
            work(at => Line(console, at, clock.Elapsed));
            return;
        }

        var results = new Dictionary<string, StageResult>();
        console.Live(new Text("")).AutoClear(true).Start(context =>
        {
            var drawn = TimeSpan.Zero;
            work(at =>
            {
                if (at.Finished is var (stage, result))
                    results[stage.Hash] = result;
                if (at.Finished is null && clock.Elapsed - drawn < Redraw)
                    return;
                drawn = clock.Elapsed;
                context.UpdateTarget(Draw(grid, plan, at, results, clock.Elapsed));
            });
        });
    }

    private static void Line(IAnsiConsole console, RunProgress at, TimeSpan elapsed)
    {
        if (at.Finished is var (stage, result))
            console.WriteLine($"stage {at.Done} of {at.Stages}: {Name(stage)}{Scores(result)}{Left(at, elapsed)}");
        else if (at is { Running.Count: 0, Finished: null })
            console.WriteLine($"{at.Stages} stages, {at.Kept} of them kept from before");
    }

    private static Rows Draw(
        ExperimentGrid grid, StagePlan plan, RunProgress at, Dictionary<string, StageResult> results, TimeSpan elapsed)
    {
        var partial = ExperimentReport.Of(
            grid, plan, new RunOutcome(results, [], Interrupted: false), new DataManifest([], []), RecipeFormat.Standard, null);
        var table = new Table { Border = TableBorder.Simple };
        foreach (string column in SummaryTable.Header(partial))
            table.AddColumn(Markup.Escape(column));
        foreach (var row in SummaryTable.Rows(partial))
            table.AddRow([.. row.Select(Markup.Escape)]);
        var running = at.Running.Select(stage => new Text($"  {Name(stage.Stage)}{(stage.Last is null ? "" : $", {Detail(stage)}, step {stage.Last.Step} of {stage.Steps}")}"));
        return new Rows([table, new Text($"{at.Done} of {at.Stages} stages, {at.Kept} kept from before{Left(at, elapsed)}"), .. running.Cast<IRenderable>()]);
    }

    private static string Name(StageNode stage) => stage switch
    {
        { IsAttack: true } => $"seed {stage.Trial.Seed}, {stage.Trial.Condition}, {stage.Name}, {stage.Trial.Attack}",
        { Stage: null } or { Parent.Stage: null } => $"seed {stage.Trial.Seed}, {stage.Name}",
        _ => $"seed {stage.Trial.Seed}, {stage.Trial.Condition}, {stage.Name}",
    };

    private static string Detail(RunningStage stage) => stage.Last is not { } step ? "" : string.Create(
        CultureInfo.InvariantCulture, $"loss {step.Loss:F4}, |g| {step.GradientNorm:F2}, {step.Tokens / step.Seconds:F0} tok/s");

    private static string Scores(StageResult result) => string.Concat(
        result.Measured?.Find(Metrics.HarmfulScore) is { } harm ? string.Create(CultureInfo.InvariantCulture, $": HS {harm.Percentage:F1}") : "",
        result.Measured?.Accuracy is { } accuracy ? string.Create(CultureInfo.InvariantCulture, $", FA {accuracy.Percentage:F1}") : "");

    private static string Left(RunProgress at, TimeSpan elapsed) =>
        at.Work is > 0.01 and < 1 ? $", {elapsed * ((1 - at.Work) / at.Work):hh\\:mm\\:ss} left" : "";
}
