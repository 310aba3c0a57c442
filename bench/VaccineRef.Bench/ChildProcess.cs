using System.Diagnostics;
using System.Reflection;

namespace VaccineRef.Bench;

/// <summary>This program again, in a process whose peak memory is its own.</summary>
internal static class ChildProcess
{
    /// <summary>What it prints.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static string Output(params string[] arguments)
    {
        string program = Environment.ProcessPath!;
        string[] host =
            Path.GetFileNameWithoutExtension(program) == "dotnet" ? [Assembly.GetExecutingAssembly().Location] : [];
        using var child =
            Process.Start(new ProcessStartInfo(program, [.. host, .. arguments]) { RedirectStandardOutput = true })!;
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return child.ExitCode == 0
            ? output
            : throw new InvalidOperationException(
                $"{string.Join(' ', arguments)}: the process ended with {child.ExitCode}");
    }
}
