using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Mpi;
using VaccineRef.Reporting;
using VaccineRef.Reporting.TensorBoard;

namespace VaccineRef.Cli;

/// <summary>
/// Runs recipes, shows their progress, and writes their reports. The commands run, lab and demo share it.
/// </summary>
internal sealed class ExperimentRunner
{
    private const string ManifestFile = "manifest.json";

    // what a run writes into its folder beside its stages
    private static readonly string[] RunFiles =
    [
        FinishedRun.RecipeFile, RecipeSchema.FileName, ManifestFile, ReportWriter.Json, ReportWriter.Markdown,
        ReportWriter.Html, ReportWriter.Figure,
    ];

    private readonly Option<string> _cache = Cache();

    private readonly Option<bool> _events = Events();

    private readonly Option<bool> _resume =
        new("--resume") { Description = "Go on in the folder of a run that was stopped." };

    private readonly Option<string[]> _set = Setting();

    private readonly DeviceOptions _where = new();

    /// <summary>The option --set.</summary>
    public static Option<string[]> Setting() =>
        new("--set") { Description = "Set a value of the recipe, as in align.rule.rho=1.", HelpName = "PATH=VALUE" };

    /// <summary>The option --cache.</summary>
    public static Option<string> Cache() => new("--cache")
    {
        Description = "Folder of finished stages of grids, which are not computed again.",
        DefaultValueFactory = _ => Path.Combine("lab", "cache"),
        HelpName = "DIR",
    };

    /// <summary>The option --tensorboard.</summary>
    public static Option<bool> Events() => new("--tensorboard")
    {
        Description = $"Write event files of every stage while it is computed, in the folder {TrialEvents.Folder} beside the report: "
            + "losses step by step, and the attacks' curves.",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_set, _cache, _events, _resume])
            command.Options.Add(option);
        _where.AddTo(command);
    }

    /// <summary>The values that the user set with --set.</summary>
    public IReadOnlyList<string> Assignments(ParseResult parsed) => parsed.GetValue(_set) ?? [];

    /// <summary>Runs a grid and writes its report.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="grid">The grid. A single run is a grid of one trial.</param>
    /// <param name="origin">The folder that the recipe's paths are relative to.</param>
    /// <param name="folder">The folder in which the report is written.</param>
    /// <param name="cancel">Cancels the run.</param>
    /// <param name="ranks">Among whom the steps are divided; nobody if it is null.</param>
    /// <returns>The exit code.</returns>
    public int Run(
        ParseResult parsed, ExperimentGrid grid, string origin, string folder, CancellationToken cancel,
        StageRanks? ranks = null)
    {
        ranks ??= StageRanks.Alone;
        _where.Launch = ranks.Each.Size > 1 ? MpiLaunch.OfThisProcess : null;
        var console = Terminal.Open();
        var clock = Stopwatch.StartNew();
        var (trials, files) = (grid.Trials(), new DataFiles(origin, cancel));
        bool single = trials.Count == 1;
        ranks.Each.Agree(() => ranks.RequireDivisible(trials));
        using var held = Hold(folder, single, parsed.GetValue(_resume), ranks);
        var preflight = Preflight.RequireAny(trials, files);
        if (preflight.Failed.Count > 0)
            Warn(new PlanException(preflight.Problems, preflight.Kept).Message);
        var plan = new StagePlan(
            preflight.Sound, RecipeFormat.Standard, files, _where.Arithmetic(parsed) + ranks.Arithmetic,
            ranks.Each.Size);
        ranks.Each.RequireSame("the ranks do not compute the same", plan.Chains[0][^1].Hash);
        var forecast = RunForecast.Of(grid.Recipe.Name, plan, preflight, keepsEverything: single);
        PlanOutput.WriteBriefly(console, forecast);
        using var open = new OpenDevices(_where, parsed, single || grid.Recipe.Report.OneAtATime);
        var devices = open.Each;
        WarnOfRoom(forecast, parsed, folder, devices.Count);
        var data = preflight.Data;
        foreach (var stage in data.Stages.Where(stage => stage.OverlapKept > 0).DistinctBy(stage => stage.Name))
            Warn(
                $"stage {stage.Name}: {stage.OverlapKept} of {stage.Examples} rows have a prompt of the evaluation and are trained on; "
                + "only a mixture leaves such rows out");
        if (single && parsed.GetResult(_cache) is { Implicit: false })
            Warn($"a run of one trial keeps its stages in its own folder, {folder}, and uses no {_cache.Name}");
        var store = single
            ? StageStore.Run(folder, ranks.Writes)
            : StageStore.Cache(parsed.GetRequiredValue(_cache), TimeProvider.System);
        store.Require(plan);
        var before = Entries(folder);
        ranks.Each.Agree(() =>
        {
            if (ranks.Writes)
                Begin(grid, data, files, folder);
        });
        using var events = parsed.GetValue(_events) && ranks.Writes
            ? new TrialEvents(folder, TimeProvider.System)
            : null;
        var outcome = new ExperimentDisplay(console, grid, plan, cancel).While(show => ExperimentRun.Run(
            plan, store, devices,
            at =>
            {
                events?.Follow(at);
                Tell(at, show);
            },
            cancel, open.Together, ranks: ranks));
        if (!ranks.Writes)
            return ReportOutput.Fail(outcome, preflight.Failed);
        if (outcome is { Results.Count: 0, Failures: [{ SoFar: null } first, ..] })
        {
            TakeBack(folder, before, plan.Nodes.Select(node => node.Name).Distinct());
            throw first.Error;
        }

        var report = ExperimentReport.Of(
            grid, plan, outcome, data, RecipeFormat.Standard, _where.Machine(parsed, devices.Count), preflight.Failed);
        report = report with { Answers = SideBySide.Of(report, plan, store) };
        events?.Complete(report);
        ReportOutput.Write(console, report, folder);
        if (!single && !report.Interrupted && grid.Recipe.Keep.Stages.Count > 0)
            console.WriteLine(Asking(parsed, report, folder));
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:F0} s on {_where.Describe(parsed)}."));
        return ReportOutput.Fail(outcome, preflight.Failed);
    }

    /// <summary>Takes the folder, on rank 0; null elsewhere.</summary>
    private static OutputLock? Hold(string folder, bool single, bool resume, StageRanks ranks)
    {
        OutputLock? held = null;
        ranks.Each.Agree(() =>
        {
            if (!ranks.Writes)
                return;
            held = new OutputLock(folder);
            try
            {
                if (single)
                    RequireRoom(folder, resume);
                AtomicFile.RemoveLeftovers(folder, name => RunFiles.Contains(name));
            }
            catch
            {
                held.Dispose();
                throw;
            }
        });
        return held;
    }

    /// <summary>How to talk to one of the models that a grid kept.</summary>
    private string Asking(ParseResult parsed, ExperimentReport report, string folder)
    {
        string? attack = report.Focus ?? (report.Attacks is [.., var last] ? last : null);
        string[] words = [.. ((string?[])[report.Options.Primary ?? report.Conditions[^1], attack]).OfType<string>()];
        return $"To ask one of its models yourself: vaccine chat {folder} {string.Join(' ', words.Select(word => $"--trial \"{word}\""))}"
            + (parsed.GetResult(_cache) is { Implicit: false } ? $" --cache {parsed.GetValue(_cache)}" : "");
    }

    private static void RequireRoom(string folder, bool resume)
    {
        string[] there = [.. Entries(folder).Where(path => Path.GetFileName(path) != OutputLock.FileName)];
        if (there.Length == 0)
            return;
        if (!resume)
            throw new InputException(
                "the run's folder is not empty", folder, expected: "a new or empty folder",
                remedy: "another --out, or --resume to go on with a run that was stopped");
        // a run writes its schema and its recipe first; a recipe alone may be somebody's own
        string recipe = Path.Combine(folder, FinishedRun.RecipeFile);
        if (File.Exists(recipe) && !File.Exists(Path.Combine(folder, RecipeSchema.FileName)))
            throw new InputException(
                "the folder is not that of a run, and its recipe would be replaced", recipe,
                $"no {RecipeSchema.FileName} beside it",
                "the folder of a run that was stopped, or an empty one", "another --out");
    }

    /// <summary>Shows progress, and says at once what the user should know.</summary>
    internal static void Tell(RunProgress at, Action<RunProgress> show)
    {
        if (at.Notice is { } sentence)
            Console.Error.WriteLine($"vaccine: {sentence}");
        else
            show(at);
    }

    /// <summary>
    /// Writes what a run's folder has from its beginning: the recipe with its schema, and what was read.
    /// </summary>
    internal static void Begin(ExperimentGrid grid, DataManifest data, DataFiles files, string folder)
    {
        // first: RequireRoom knows a run by it
        AtomicFile.WriteText(Path.Combine(folder, RecipeSchema.FileName), RecipeSchema.Text);
        AtomicFile.WriteText(
            Path.Combine(folder, FinishedRun.RecipeFile), RecipeFormat.Standard.Write(grid.Recipe, files, folder));
        AtomicFile.WriteText(Path.Combine(folder, ManifestFile), data.ToJson() + "\n");
    }

    private static HashSet<string> Entries(string folder) => [.. Directory.EnumerateFileSystemEntries(folder)];

    /// <summary>
    /// Removes what this run made in its folder after it failed without any result. What was there before is kept; the
    /// folder itself goes with the lock if nothing is left in it.
    /// </summary>
    private static void TakeBack(string folder, HashSet<string> before, IEnumerable<string> stages)
    {
        foreach (string path in RunFiles.Select(name => Path.Combine(folder, name))
            .Where(path => !before.Contains(path)))
            FileChanges.Delete(path);
        foreach (string made in stages.Select(name => Path.Combine(folder, name)).Where(path => !before.Contains(path)))
            FileChanges.DeleteEmptyFolder(made);
    }

    private void WarnOfRoom(RunForecast forecast, ParseResult parsed, string folder, int workers)
    {
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes, needed = forecast.PeakBytes * workers;
        if (_where.IsProcessor(parsed) && needed > memory)
            Warn($"{workers} at once, stages may need {PlanOutput.Bytes(needed)} of memory, and this machine has {PlanOutput.Bytes(memory)}");
        string place = Path.GetFullPath(folder);
        while (!Directory.Exists(place))
            place = Path.GetDirectoryName(place)!;
        long free = new DriveInfo(place).AvailableFreeSpace;
        // weights and two moments of the largest stage, and three files while the third is written
        long checkpoints = workers * 3 * 3 * forecast.Planned.Max(stage => stage.Trained > 0 ? stage.KeptBytes : 0);
        if (forecast.DiskBytes + checkpoints > free)
            Warn(
                $"the models that are kept need {PlanOutput.Bytes(forecast.DiskBytes)} of disk and checkpoints up to "
                + $"{PlanOutput.Bytes(checkpoints)}, and {PlanOutput.Bytes(free)} are free");
    }

    /// <summary>Warns.</summary>
    internal static void Warn(string sentence) => Console.Error.WriteLine($"vaccine: warning: {sentence}");
}
