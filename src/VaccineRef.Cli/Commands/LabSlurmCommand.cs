using System.CommandLine;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Models;
using VaccineRef.Reporting;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine lab slurm: computes a grid with Slurm. The state is in the cache alone: submitted again, it goes
/// on with what is missing.
/// </summary>
internal sealed class LabSlurmCommand
{
    // A task should take minutes: Slurm needs seconds to start one.
    private const double TaskSeconds = 600;

    private const string Report = "report";

    private readonly RecipeSelection _recipe = new();
    private readonly SlurmOptions _jobs = new();
    private readonly DeviceOptions _where = new();
    private readonly Option<string> _cache = ExperimentRunner.Cache();

    private readonly Option<int> _chunk = CommonOptions.Count(
        "--chunk", "Stages of a task; 0 is as many as take about ten minutes, from a few steps of each; on a GPU one.",
        0, least: 0);

    private readonly Option<bool> _dry = new("--dry-run")
    {
        Description = "Print the scripts and the commands that submit them; write and submit nothing.",
    };

    private readonly Option<bool> _wait = new("--wait") { Description = "Follow the jobs until they have ended." };

    private readonly Option<string?> _output = new("--out")
    {
        Description = "Folder of the report, the plan and the scripts; lab/NAME by default.",
        HelpName = "DIR",
    };

    private LabSlurmCommand()
    {
    }

    public static Command Create()
    {
        var options = new LabSlurmCommand();
        var command = new Command(
            "slurm",
            "Compute a grid with Slurm: an array of tasks for each level, each after the one before, then the report.")
        { options._chunk, options._dry, options._wait, options._output, options._cache };
        options._recipe.AddTo(command);
        options._jobs.AddTo(command);
        options._where.AddTo(command);
        command.AddExamples(
            "vaccine lab slurm rho --partition short --time 1:00:00 --wait",
            "vaccine lab slurm mine.json --gpus 1 --device cuda --chunk 2 --dry-run");
        command.SetAction(parsed => ExitCode.Of(cancel => options.Run(parsed, cancel)));
        return command;
    }

    private int Run(ParseResult parsed, CancellationToken cancel)
    {
        var (grid, origin) = _recipe.Read(parsed);
        string folder = Path.GetFullPath(parsed.GetValue(_output) ?? Path.Combine("lab", grid.Recipe.Name));
        string kept = Path.GetFullPath(parsed.GetRequiredValue(_cache)), file = Path.Combine(folder, GridPlan.FileName);
        int? asked = parsed.GetValue(_chunk) is > 0 and var given ? given : null;
        bool isDry = parsed.GetValue(_dry);
        int most = isDry ? Slurm.DefaultMaxArraySize : Slurm.MaxArraySize();
        // a GPU may not be where jobs are submitted
        var (plan, stages) = LabPlanCommand.Make(
            grid, origin, folder, _where, parsed, timed: asked is null && _where.IsProcessor(parsed), cancel);
        var script = new SlurmScript(
            grid.Recipe.Name, Path.Combine(folder, "slurm"), SlurmScript.ThisProgram(), file,
            ["--cache", kept, .. _where.Words(parsed)],
            Math.Max(1, _where.AskedThreads(parsed)), [.. _jobs.Lines(parsed)]);
        var store = isDry && !Directory.Exists(kept) ? null : StageStore.Cache(kept);
        var console = Terminal.Open();
        LabPlanCommand.Show(console, plan);
        var scripts = Levels(plan, stages, store, script, asked, most)
            .Append((Name: Report, Text: script.Report(folder))).ToArray();
        if (isDry)
        {
            Print(console, scripts, script.Folder);
            return ExitCode.Done;
        }

        using (new OutputLock(folder))
        {
            plan.Write(file);
            foreach (var (name, text) in scripts)
                AtomicFile.WriteText(Path.Combine(script.Folder, $"{name}.sh"), text);
        }

        var ids = Submit(console, scripts, script.Folder);
        console.WriteLine(
            $"The report will be {Path.Combine(folder, ReportWriter.Html)}. Submitted again, this command goes on with what is missing then.");
        if (!parsed.GetValue(_wait))
            return ExitCode.Done;
        Slurm.Wait(ids, line => console.WriteLine(line), cancel);
        var outcome = GridPlan.Kept(stages, store!);
        LabWorkCommand.Tell(outcome.Missing, $"are not in the cache; {script.Folder} has what the tasks printed");
        int code = ReportOutput.Fail(outcome, []);
        return outcome.Missing.Count > 0 ? ExitCode.TryAgain : code;
    }

    /// <summary>The scripts of the levels on which something is missing.</summary>
    private static IEnumerable<(string Name, string Text)> Levels(
        GridPlan plan, StagePlan stages, StageStore? store, SlurmScript script, int? chunk, int most)
    {
        var missing = (store is null ? stages.Nodes : GridPlan.Kept(stages, store, withModels: true).Missing)
            .Select(node => node.Hash).ToHashSet();
        foreach (var (level, all) in plan.Levels.Index())
        {
            int slices = Slices(all, chunk, script.Cpus, most);
            int[] tasks = [.. Enumerable.Range(0, slices)
                .Where(i => new GridSlice(i, slices).Of(all).Any(stage => missing.Contains(stage.Hash)))];
            if (tasks.Length > 0)
                yield return ($"level-{level}", script.Level(level, all.Count, slices, tasks));
        }
    }

    /// <summary>
    /// Into how many tasks a level is cut: so that each takes minutes, and that they are not more than an array may
    /// have.
    /// </summary>
    private static int Slices(IReadOnlyList<GridStage> level, int? asked, int cpus, int most)
    {
        double seconds = level.Max(stage => stage.Seconds ?? TaskSeconds) / cpus;
        int chunk = asked ?? (int)Math.Clamp(TaskSeconds / seconds, 1, level.Count);
        return Math.Min(most, (level.Count + chunk - 1) / chunk);
    }

    /// <summary>Prints the scripts, and how they would be submitted.</summary>
    private static void Print(IAnsiConsole console, IReadOnlyList<(string Name, string Text)> scripts, string folder) =>
        Chain(scripts, folder, (name, submission) =>
        {
            console.WriteLine($"{Path.Combine(folder, name)}.sh:");
            console.WriteLine(scripts.First(script => script.Name == name).Text);
            console.WriteLine(string.Join(' ', submission));
            console.WriteLine();
            return $"NUMBER-OF-{name}";
        });

    /// <summary>Submits the scripts, all or none.</summary>
    private static List<string> Submit(
        IAnsiConsole console, IReadOnlyList<(string Name, string Text)> scripts, string folder)
    {
        var ids = new List<string>();
        try
        {
            Chain(scripts, folder, (name, submission) =>
            {
                ids.Add(Slurm.Submit(submission));
                console.WriteLine($"{name}: job {ids[^1]}");
                return ids[^1];
            });
        }
        catch (InputException) when (ids.Count > 0)
        {
            Slurm.Cancel(ids);
            throw;
        }

        return ids;
    }

    /// <summary>Each level after the one before has ended well, and the report after all, however they ended.</summary>
    private static void Chain(
        IEnumerable<(string Name, string Text)> scripts, string folder,
        Func<string, IReadOnlyList<string>, string> submit)
    {
        var ids = new List<string>();
        foreach (var (name, _) in scripts)
        {
            var (condition, after) = name == Report ? ("afterany", ids) : ("afterok", ids.TakeLast(1).ToList());
            ids.Add(submit(name, Slurm.Submission(Path.Combine(folder, $"{name}.sh"), condition, after)));
        }
    }
}
