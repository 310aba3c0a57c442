using System.CommandLine;
using VaccineRef.Cli.Commands;
using VaccineRef.Mpi;

namespace VaccineRef.Cli;

/// <summary>
/// The command-line program. This project parses arguments, prints results, shows progress, and turns exceptions into
/// exit codes. It computes nothing itself.
/// </summary>
public static class Program
{
    /// <summary>Runs a command.</summary>
    /// <returns>
    /// 0 done, 1 the run failed, 2 wrong input, 3 a port crashed (conform run), 75 try again (lab work, lab report),
    /// 130 interrupted, 143 terminated, 129 hung up, 140 SIGUSR2.
    /// </returns>
    public static int Main(string[] args) => Printed.While(() =>
    {
        if (OpenFileLimit.Problem() is { } tooFew)
        {
            Console.Error.WriteLine($"vaccine: {tooFew}");
            return ExitCode.WrongInput;
        }

        return Run(Commands(), args);
    });

    /// <summary>
    /// Runs one of these commands: they can be used again, as by a test that runs thousands in one process.
    /// </summary>
    internal static int Run(RootCommand commands, string[] args)
    {
        // the bare name is a question: what can it do, and where does one start?
        var parsed = commands.Parse(args.Length == 0 ? ["--help"] : args);
        if (parsed.Errors.Count > 0)
        {
            foreach (string message in WrongWords.In(parsed))
                Console.Error.WriteLine($"vaccine: {message}");
            Console.Error.WriteLine("  remedy:   vaccine --help, or vaccine COMMAND --help");
            return ExitCode.WrongInput;
        }

        if (MpiLaunch.OfThisProcess is { } launch && Ranks.Begin(parsed.CommandResult.Command, launch) is { } refusal)
        {
            Console.Error.WriteLine($"vaccine: {refusal}");
            return ExitCode.WrongInput;
        }

        return parsed.Invoke(
            new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    /// <summary>All commands.</summary>
    internal static RootCommand Commands()
    {
        var root = new RootCommand(
            "VaccineRef: perturbation-aware alignment (Vaccine, arXiv 2402.01109) in managed code, and the attacks it is measured by.")
        {
            DemoCommand.Create(), InitCommand.Create(), SchemaCommand.Create(), PlanCommand.Create(),
            RunCommand.Create(),
            LabCommand.Create(), EvaluateCommand.Create(), ChatCommand.Create(), GenerateCommand.Create(),
            ExportCommand.Create(),
            JudgeCommand.Create(), CompareCommand.Create(), VerifyCommand.Create(), ConformCommand.Create(),
            LawsCommand.Create(),
            BenchCommand.Create(), DevicesCommand.Create(), CompletionCommand.Create(),
        };
        root.AddExamples("vaccine demo --quick", "vaccine init --model my-model --data rows.jsonl --out mine.json");
        return root;
    }
}
