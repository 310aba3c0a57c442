using System.CommandLine;
using Spectre.Console;
using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Pipeline;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine lab work: computes a slice of a grid's stages into a cache that workers share. It waits for
/// nobody: what can be computed is computed, and the exit code says whether something is left.
/// </summary>
internal static class LabWorkCommand
{
    public static Command Create()
    {
        var file = File();
        var slice = new Option<string>("--slice")
        {
            Description = "Which part of each level: i of n, from 0/n to (n-1)/n.",
            DefaultValueFactory = _ => "0/1",
            HelpName = "I/N",
        };
        slice.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: var text }] && GridSlice.Parse(text) is null)
                result.AddError($"--slice takes i/n, with i from 0 to n - 1, as in 0/8 or 7/8, and not {text}");
        });
        var level = new Option<int?>("--level") { Description = "One level of the plan, from 0; every level unless given.", HelpName = "K" };
        level.Validators.Add(result =>
        {
            if (result.Tokens is [{ Value: ['-', ..] }])
                result.AddError("--level takes a number from 0");
        });
        var cache = ExperimentRunner.Cache();
        var where = new DeviceOptions();
        var command = new Command(
            "work",
            $"Compute a slice of a plan into the cache; exit {ExitCode.Done} if all of it is there, {ExitCode.Failed} if a stage diverged, "
            + $"{ExitCode.TryAgain} if it begins with stages that are not there yet or a file could not be written.")
        { file, slice, level, cache };
        where.AddTo(command);
        command.AddExamples(
            "vaccine lab work plan.json --threads 4",
            "vaccine lab work plan.json --level 1 --slice 0/8 --cache shared/cache");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            string path = parsed.GetRequiredValue(file);
            var plan = GridPlan.Read(path);
            var (grid, stages) = plan.Open(path, where.Arithmetic(parsed), cancel);
            var part = plan.Part(
                stages, GridSlice.Parse(parsed.GetRequiredValue(slice))!.Value, parsed.GetValue(level));
            var store = StageStore.Cache(parsed.GetRequiredValue(cache), TimeProvider.System);
            using var open = new OpenDevices(where, parsed, grid.Recipe.Report.OneAtATime);
            var outcome = new ExperimentDisplay(Terminal.Open(), grid, stages, cancel).While(show =>
                ExperimentRun.Run(
                    stages, store, open.Each, at => ExperimentRunner.Tell(at, show), cancel, open.Together, part));
            return Code(outcome);
        }));
        return command;
    }

    /// <summary>The argument that names the plan.</summary>
    internal static Argument<string> File() => new("plan") { Description = "The file that lab plan wrote." };

    /// <summary>Says what is missing.</summary>
    internal static void Tell(IReadOnlyList<StageNode> missing, string why)
    {
        if (missing is [var first, ..])
            Console.Error.WriteLine(
                $"vaccine: {missing.Count} {(missing.Count == 1 ? "stage" : "stages")} {why}, the first of them {first.Name} "
                + $"(seed {first.Trial.Seed}, {first.Trial.Condition})");
    }

    /// <summary>
    /// What a stage that diverged ends with is known; everything else that failed may be tried again, or was wrong.
    /// </summary>
    private static int Code(RunOutcome outcome)
    {
        ReportOutput.Fail(outcome, []);
        Tell(outcome.Missing, "cannot be computed yet, for what they begin with is not in the cache");
        var errors = outcome.Failures.Select(failure => failure.Error).ToArray();
        if (errors.Any(error => !HasDiverged(error) && !MayPass(error)))
            return ExitCode.WrongInput;
        return outcome.Missing.Count > 0 || errors.Any(MayPass)
            ? ExitCode.TryAgain
            : errors.Length > 0 ? ExitCode.Failed : ExitCode.Done;
    }

    private static bool HasDiverged(Exception error) => error is NonFiniteException or DivergedException;

    /// <summary>A full disk, a file system that is away, memory that others hold.</summary>
    private static bool MayPass(Exception error) =>
        error is IOException or UnauthorizedAccessException or OutOfMemoryException
            || (error.InnerException is { } inner && MayPass(inner));
}
