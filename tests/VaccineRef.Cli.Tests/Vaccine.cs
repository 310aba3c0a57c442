using System.Diagnostics;
using VaccineRef.Testing;

[assembly: Xunit.v3.Parallelization(Mode = Xunit.Sdk.ParallelMode.None)]       // the console is one

namespace VaccineRef.Cli.Tests;

/// <summary>The result of a command.</summary>
internal sealed record Outcome(int Code, string Out, string Error);

/// <summary>Runs the command line, either in this process or, if a signal is to be sent, in a child process.</summary>
internal static class Vaccine
{
    private static string Executable => Path.Combine(AppContext.BaseDirectory, "vaccine.dll");

    /// <summary>Runs the recipe of an experiment with some values set.</summary>
    public static Outcome RunRecipe(TinyExperiment tiny, string folder, params string[] set) => Run(
        ["run", tiny.Recipe, "--out", tiny.In(folder), "--threads", "1",
            .. set.SelectMany(value => (string[])["--set", value])]);

    /// <summary>Runs a command in this process and captures what it prints.</summary>
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

    /// <summary>Starts a command in a process of its own.</summary>
    public static Process Start(params string[] args) => Start(args, input: false);

    /// <summary>Starts a command in a process of its own, to whose input the test may write.</summary>
    public static Process Start(string[] args, bool input)
    {
        var start = new ProcessStartInfo("dotnet", [Executable, .. args])
        {
            RedirectStandardInput = input,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    /// <summary>Skips a test that sends SIGINT or SIGHUP where it would not be heard.</summary>
    public static void RequireInterrupts(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "signals are sent with kill");
        const string Mask = "SigIgn:", Status = "/proc/self/status";
        if (signal is not ("-INT" or "-HUP") || !File.Exists(Status))
            return;
        string ignored = File.ReadLines(Status)
            .First(line => line.StartsWith(Mask, StringComparison.Ordinal))[Mask.Length..].Trim();
        ulong signals = ulong.Parse(
            ignored, System.Globalization.NumberStyles.HexNumber, System.Globalization.CultureInfo.InvariantCulture);
        Assert.SkipWhen(
            (signals & (signal == "-INT" ? 2UL : 1UL)) != 0,
            $"SIG{signal[1..]} is ignored here, as a shell or nohup makes it for what it starts in the background");
    }

    /// <summary>Sends a signal to a process and returns its exit code. A process that does not end is killed.</summary>
    public static int Signal(Process process, string signal)
    {
        Process.Start("kill", [signal, $"{process.Id}"]).WaitForExit();
        if (process.WaitForExit(TimeSpan.FromMinutes(1)))
            return process.ExitCode;
        process.Kill();
        Assert.Fail(
            $"{signal} was not heard within a minute; a shell makes what it starts in the background ignore SIGINT");
        return -1;
    }
}
