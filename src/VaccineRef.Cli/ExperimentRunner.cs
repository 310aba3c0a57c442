using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Experiments.Data;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;
using VaccineRef.Reporting;
using VaccineRef.Reporting.TensorBoard;

namespace VaccineRef.Cli;

/// <summary>
/// Runs recipes, shows their progress, and writes their reports. The commands run, lab and demo share it.
/// </summary>
internal sealed class ExperimentRunner
{
    private const string RecipeFile = "recipe.json", ManifestFile = "manifest.json";

    private readonly Option<string> _cache = new("--cache")
    {
        Description = "Folder of finished stages of grids, which are not computed again.",
        DefaultValueFactory = _ => Path.Combine("lab", "cache"),
        HelpName = "DIR",
    };

    private readonly Option<bool> _events = new("--tensorboard")
    {
        Description = $"Write the attacks' curves as event files too, in the folder {TrialEvents.Folder} beside the report.",
    };

    private readonly Option<bool> _resume = new("--resume") { Description = "Go on in the folder of a run that was stopped." };

    private readonly Option<string[]> _set = new("--set")
    {
        Description = "Set a value of the recipe, as in align.rule.rho=1.",
        HelpName = "PATH=VALUE",
    };

    private readonly DeviceOptions _where = new();

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
    /// <returns>The exit code.</returns>
    public int Run(ParseResult parsed, ExperimentGrid grid, string origin, string folder, CancellationToken cancel)
    {
        var console = Terminal.Open();
        var clock = Stopwatch.StartNew();
        var plan = new StagePlan(grid.Trials(), RecipeFormat.Standard, new DataFiles(origin), _where.Arithmetic(parsed));
        bool single = plan.Trials.Count == 1;
        if (single)
            RequireRoom(folder, parsed.GetValue(_resume));
        var together = _where.Open(parsed);
        IReadOnlyList<Device> devices = single || grid.Recipe.Report.OneAtATime ? [together] : _where.OpenEach(parsed);
        try
        {
            var data = Preflight.Check(plan, together);
            foreach (var stage in data.Stages.Where(stage => stage.OverlapKept > 0).DistinctBy(stage => stage.Name))
                Console.Error.WriteLine(
                    $"vaccine: warning: stage {stage.Name}: {stage.OverlapKept} of {stage.Examples} rows have a prompt of "
                    + "the evaluation and are trained on; only a mixture leaves such rows out");
            var store = single ? StageStore.Run(folder) : StageStore.Cache(parsed.GetRequiredValue(_cache));
            Begin(grid, data, plan.Files, folder);
            var outcome = ExperimentDisplay.While(
                console, grid, plan, show => ExperimentRun.Run(plan, store, devices, show, cancel, devices.Count == 1 ? devices[0] : together));
            if (outcome is { Results.Count: 0, Failures: [var first, ..] })
            {
                TakeBack(folder);
                throw first.Error;
            }

            var report = ExperimentReport.Of(grid, plan, outcome, data, RecipeFormat.Standard, Machine(parsed, devices.Count));
            report = report with { Answers = SideBySide.Of(report, plan, store) };
            Write(parsed, console, report, folder);
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{clock.Elapsed.TotalSeconds:F0} s on {_where.Describe(parsed)}."));
            return Fail(outcome);
        }
        finally
        {
            foreach (var device in devices.Append(together).Distinct())
                device.Dispose();
        }
    }

    private static void RequireRoom(string folder, bool resume)
    {
        if (!resume && Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any())
            throw new InputException(
                "the run's folder is not empty", folder, expected: "a new or empty folder",
                remedy: "another --out, or --resume to go on with a run that was stopped");
    }

    private static void Begin(ExperimentGrid grid, DataManifest data, DataFiles files, string folder)
    {
        AtomicFile.WriteText(Path.Combine(folder, RecipeFile), RecipeFormat.Standard.Write(grid.Recipe, files, folder));
        AtomicFile.WriteText(Path.Combine(folder, ManifestFile), data.ToJson() + "\n");
    }

    /// <summary>
    /// Removes what this run wrote after it failed without any result. What was in the folder before is kept.
    /// </summary>
    private static void TakeBack(string folder)
    {
        foreach (string name in (string[])[RecipeFile, ManifestFile])
            File.Delete(Path.Combine(folder, name));
        foreach (string empty in Directory.GetDirectories(folder).Append(folder).Where(path => !Directory.EnumerateFileSystemEntries(path).Any()))
            Directory.Delete(empty);
    }

    private void Write(ParseResult parsed, IAnsiConsole console, ExperimentReport report, string folder)
    {
        var findings = ReportWriter.Write(report, folder);
        foreach (string warning in report.Stages.Values.SelectMany(stage => stage.Warnings ?? []).Distinct())
            Console.Error.WriteLine($"vaccine: warning: {warning}");
        if (parsed.GetValue(_events))
            TrialEvents.Write(report, folder, TimeProvider.System);
        console.WriteLine($"{report.Name}: {report.Title}. Seeds {string.Join(", ", report.Seeds)}.");
        if (report.Trials.Count == 1)
            Tables.Write(console, ComparisonTable.Header([report]), ComparisonTable.Rows([report]));
        else
            Tables.Write(console, SummaryTable.Header(report), SummaryTable.Rows(report));
        foreach (string sentence in findings.Conclusions)
            console.WriteLine(sentence);
        if (report.Answers is { } answers)
            ShowAnswers(console, answers);
        console.WriteLine(
            $"{(report.Interrupted ? "Interrupted. What was found until then" : "The report")} is {Path.Combine(folder, ReportWriter.Html)}; "
            + "beside it the same as Markdown and JSON.");
    }

    private static void ShowAnswers(IAnsiConsole console, SideBySide shown)
    {
        console.WriteLine();
        console.WriteLine(AnswerTable.Caption(shown));
        foreach (var (question, answers) in shown.Questions)
        {
            console.WriteLine();
            console.WriteLine($"  {question}");
            foreach (var (condition, answer) in shown.Conditions.Zip(answers))
                console.WriteLine($"    {condition}: {AnswerTable.Text(answer)}");
        }

        console.WriteLine();
    }

    private static int Fail(RunOutcome outcome)
    {
        foreach (var failure in outcome.Failures)
            Console.Error.WriteLine($"vaccine: seed {failure.Stage.Trial.Seed}, stage {failure.Stage.Name}: {failure.Error.Message}");
        return outcome.Failures.Count == 0 ? ExitCode.Done
            : outcome.Failures.Any(failure => failure.Error is InputException) ? ExitCode.WrongInput : ExitCode.Failed;
    }

    private MachineDescription Machine(ParseResult parsed, int workers)
    {
        string program = Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";
        int vector = Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;
        return new(
            _where.Describe(parsed), workers,
            $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}, {Environment.ProcessorCount} cores, vectors of {vector} bits",
            RuntimeInformation.FrameworkDescription, program);
    }
}
