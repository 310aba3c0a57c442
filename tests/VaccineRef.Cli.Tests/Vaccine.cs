using System.Diagnostics;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]       // the console is one

namespace VaccineRef.Cli.Tests;

/// <summary>What a command left behind.</summary>
internal sealed record Outcome(int Code, string Out, string Error);

/// <summary>Runs the command line: in this process, or as a child where signals are sent.</summary>
internal static class Vaccine
{
    private static string Executable => Path.Combine(AppContext.BaseDirectory, "vaccine.dll");

    /// <summary>Runs a command in this process and catches what it prints.</summary>
    public static Outcome Run(params string[] args)
    {
        var (before, errorBefore) = (Console.Out, Console.Error);
        using StringWriter output = new(), error = new();
        Console.SetOut(output);
        Console.SetError(error);
        try
        {
            int code = Program.Main(args);
            return new(code, output.ToString(), error.ToString());
        }
        finally
        {
            Console.SetOut(before);
            Console.SetError(errorBefore);
        }
    }

    /// <summary>Starts a command as a process of its own.</summary>
    public static Process Start(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Executable, .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    /// <summary>Sends a signal to a process and gives its exit code; ends a process that does not listen.</summary>
    public static int Signal(Process process, string signal)
    {
        Process.Start("kill", [signal, $"{process.Id}"]).WaitForExit();
        if (process.WaitForExit(TimeSpan.FromMinutes(1)))
            return process.ExitCode;
        process.Kill();
        Assert.Fail($"{signal} was not heard within a minute; a shell makes what it starts in the background ignore SIGINT");
        return -1;
    }
}
