using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace VaccineRef.Mutation;

/// <summary>Runs other programs.</summary>
public static partial class Shell
{
    /// <summary>What a program says, on both of its streams.</summary>
    public static string Output(string folder, string program, params string[] words)
    {
        var start = new ProcessStartInfo(program, words) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output + errors.Result;
    }

    /// <summary>Runs tests until the first is red, or their time is over.</summary>
    /// <param name="assembly">The test program.</param>
    /// <param name="classes">Which classes.</param>
    /// <param name="seconds">The processor's seconds that it may take.</param>
    /// <param name="environment">What it is told.</param>
    /// <returns>The first red test, or "time"; null if all are green. And the processor's seconds.</returns>
    public static (string? Red, double Seconds) Tests(
        string assembly, IEnumerable<string> classes, int seconds, params (string Name, string Value)[] environment)
    {
        const string Failed = "failed ";
        const int Busy = 15;
        string filters = string.Join(' ', classes.Select(name => $"--filter-class {name}"));
        var start = new ProcessStartInfo("bash", ["-c", $"ulimit -t {seconds}; dotnet {assembly} {filters} --no-ansi --progress off; code=$?; times >&2; exit $code"])
        {
            WorkingDirectory = Path.GetDirectoryName(assembly),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x100000000";        // a defect may ask for memory without end
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        string? red = null;
        var reading = Task.Run(() =>
        {
            while (process.StandardOutput.ReadLine() is { } line)
                if (red is null && line.StartsWith(Failed, StringComparison.Ordinal))
                {
                    red = line[Failed.Length..];
                    process.Kill(entireProcessTree: true);
                }
        });
        if (!process.WaitForExit(TimeSpan.FromSeconds(Busy * seconds)))
        {
            process.Kill(entireProcessTree: true);
            red ??= "time";
        }

        process.WaitForExit();
        reading.Wait();
        double taken = Times().Matches(errors.Result).TakeLast(2).Sum(part =>
            (60 * double.Parse(part.Groups["m"].ValueSpan, CultureInfo.InvariantCulture)) + double.Parse(
                part.Groups["s"].ValueSpan, CultureInfo.InvariantCulture));
        const int OutOfTime = 128 + 24, Killed = 128 + 9;
        return (red ?? process.ExitCode switch { 0 => null, OutOfTime or Killed => "time", 8 => "no tests", var code => $"exit code {code}" }, taken);
    }

    [GeneratedRegex(@"(?<m>\d+)m(?<s>[\d.]+)s")]
    private static partial Regex Times();
}
