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
/// <param name="console">Where to.</param>
/// <param name="grid">The grid.</param>
/// <param name="plan">Its stages.</param>
/// <param name="cancel">When it is cancelled, the display says what the run waits for.</param>
internal sealed class ExperimentDisplay(
    IAnsiConsole console, ExperimentGrid grid, StagePlan plan, CancellationToken cancel)
{
    private static readonly TimeSpan Redraw = TimeSpan.FromMilliseconds(250);

    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly TimeLeft _left = new();
    private readonly object _gate = new();
    private IReadOnlyList<RunningStage> _running = [];

    /// <summary>Runs <paramref name="work"/>, and shows what it reports until it ends.</summary>
    public RunOutcome While(Func<Action<RunProgress>, RunOutcome> work)
    {
        RunOutcome? outcome = null;
        if (console.CanRedraw() && plan.Trials.Count > 1)
        {
            Live(show => outcome = work(show));
            return outcome!;
        }

        using var stopping = cancel.Register(() =>
        {
            lock (_gate)
                Console.Error.WriteLine($"vaccine: {Waiting(_running)}");
        });
        if (plan.Trials.Count == 1)
            Display.While(console, show => outcome = work(at => Stages(at, show)));
        else
            outcome = work(Line);
        return outcome!;
    }

    /// <summary>What a run that was told to stop waits for.</summary>
    internal static string Waiting(IReadOnlyList<RunningStage> running) => running.Count == 0
        ? "stopping. Ctrl-C again ends at once"
        : $"stopping after the step under way of {string.Join("; ", running.Select(Place))}. Ctrl-C again ends at once";

    /// <summary>What is known of a stage under way: a line.</summary>
    internal static string Place(RunningStage at) => string.Join(
        ", ", new[] { Name(at.Stage), Step(at), Detail(at, withNorm: false) }.Where(text => text.Length > 0));

    private void Stages(RunProgress at, Action<Progressed> show)
    {
        Remember(at);
        foreach (var running in at.Running)
            show(new(running.Stage.Name, Detail(running, withNorm: true), running.Last?.Step ?? 0, running.Steps));
    }

    private void Remember(RunProgress at)
    {
        lock (_gate)
            _running = at.Running;
    }

    private void Live(Action<Action<RunProgress>> work) =>
        // What is under way stands at the end: a table that is too high loses its first lines.
        console.Live(new Text("")).AutoClear(true).Overflow(VerticalOverflow.Crop)
            .Cropping(VerticalOverflowCropping.Top).Start(context =>
        {
            var (drawn, last) = (TimeSpan.Zero, default(RunProgress?));
            void Show(RunProgress at)
            {
                drawn = _clock.Elapsed;
                last = at with { Results = new Dictionary<string, StageResult>(at.Results) };
                context.UpdateTarget(Draw(last.Value));
            }

            using var stopping = cancel.Register(() =>
            {
                lock (_gate)
                    if (last is { } at)
                        Show(at);
            });
            work(at =>
            {
                lock (_gate)
                    if (at.Finished is not null || last is null || _clock.Elapsed - drawn >= Redraw)
                        Show(at);
            });
        });

    private void Line(RunProgress at)
    {
        Remember(at);
        string left = _left.Text(at.Work, _clock.Elapsed);
        if (at.Finished is var (stage, result))
            console.WriteLine($"stage {at.Done} of {at.Stages}: {Name(stage)}{Scores(result)}{left}");
        else if (at is { Running.Count: 0, Finished: null })
            console.WriteLine($"{at.Stages} stages, {at.Kept} of them kept from before");
    }

    private Rows Draw(RunProgress at)
    {
        var partial = ExperimentReport.Of(
            grid, plan, new RunOutcome(at.Results, [], Interrupted: false), new DataManifest([], []),
            RecipeFormat.Standard, null);
        var lines = at.Running.Select(stage => $"  {Place(stage)}")
            .Prepend(
                $"{at.Done} of {at.Stages} stages, {at.Kept} kept from before{_left.Text(at.Work, _clock.Elapsed)}")
            .Concat(cancel.IsCancellationRequested ? [Waiting([])] : []);
        return new([
            .. Tables.Of(console.Profile.Width, SummaryTable.Header(partial), SummaryTable.Rows(partial)),
            .. lines.Select(line => (IRenderable)new Text(line)),
        ]);
    }

    private static string Name(StageNode stage) => stage switch
    {
        { IsAttack: true } => $"seed {stage.Trial.Seed}, {stage.Trial.Condition}, {stage.Name}, {stage.Trial.Attack}",
        { Stage: null } or { Parent.Stage: null } => $"seed {stage.Trial.Seed}, {stage.Name}",
        _ => $"seed {stage.Trial.Seed}, {stage.Trial.Condition}, {stage.Name}",
    };

    private static string Detail(RunningStage stage, bool withNorm) => stage switch
    {
        { Questions: > 0 } => $"{stage.Answered} of {stage.Questions} questions answered",
        { Last: { } step } => string.Create(
            CultureInfo.InvariantCulture,
            $"loss {step.Loss:F4}{(withNorm ? $", |g| {step.GradientNorm:F2}" : "")}, {step.Tokens / step.Seconds:F0} tok/s"),
        _ => "",
    };

    private static string Step(RunningStage stage) =>
        stage.Last is { } step ? $"step {step.Step} of {stage.Steps}" : "";

    private static string Scores(StageResult result) => string.Concat(
        result.Measured?.Find(Metrics.HarmfulScore) is { } harm
            ? string.Create(CultureInfo.InvariantCulture, $": HS {harm.Percentage:F1}")
            : "",
        result.Measured?.Accuracy is { } accuracy
            ? string.Create(CultureInfo.InvariantCulture, $", FA {accuracy.Percentage:F1}")
            : "");
}
