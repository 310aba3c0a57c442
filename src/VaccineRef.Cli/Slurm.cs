using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using VaccineRef.Core;

namespace VaccineRef.Cli;

/// <summary>Slurm, through its commands.</summary>
internal static class Slurm
{
    /// <summary>Slurm's own default of MaxArraySize.</summary>
    public const int DefaultMaxArraySize = 1001;

    private static readonly TimeSpan Poll = TimeSpan.FromSeconds(10);

    /// <summary>The words that submit a script.</summary>
    /// <param name="script">The script's file.</param>
    /// <param name="condition">What the jobs before have to do, as in "afterok".</param>
    /// <param name="after">Those jobs; none for no condition.</param>
    public static IReadOnlyList<string> Submission(string script, string condition, IReadOnlyList<string> after) =>
    [
        "sbatch", "--parsable",
        .. after.Count == 0
            ? []
            : (string[])[$"--dependency={condition}:{string.Join(':', after)}", "--kill-on-invalid-dep=yes"],
        script,
    ];

    /// <summary>Submits a script; returns the job's number.</summary>
    /// <exception cref="InputException">Slurm refuses it, or is not there.</exception>
    public static string Submit(IReadOnlyList<string> submission)
    {
        string id = Call(submission).Split(';')[0].Trim();      // of several clusters it names which
        return id.Length > 0 && id.All(char.IsAsciiDigit) ? id : throw new InputException(
            "sbatch did not name a job", string.Join(' ', submission), id, "a number");
    }

    /// <summary>Takes jobs back.</summary>
    /// <exception cref="InputException">Slurm refuses it.</exception>
    public static void Cancel(IReadOnlyList<string> jobs) => Call(["scancel", .. jobs]);

    /// <summary>How many tasks an array may have: one more than the highest number of a task.</summary>
    /// <exception cref="InputException">Slurm is not there.</exception>
    public static int MaxArraySize() => Call(["scontrol", "show", "config"]).Split('\n')
        .Where(line => line.StartsWith("MaxArraySize", StringComparison.Ordinal))
        .Select(line => line.Split('=')[^1].Trim())
        .Select(text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int size)
            && size > 0 ? size : DefaultMaxArraySize)
        .FirstOrDefault(DefaultMaxArraySize);

    /// <summary>Waits until jobs have left the queue.</summary>
    /// <param name="jobs">The jobs.</param>
    /// <param name="tell">Told in words how many tasks are in which state, whenever that changes.</param>
    /// <param name="cancel">Stops the waiting, and nothing else.</param>
    public static void Wait(IReadOnlyList<string> jobs, Action<string> tell, CancellationToken cancel)
    {
        string before = "";
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            string[] tasks = Queue(jobs);
            if (tasks.Length == 0)
                return;
            string now = string.Join(", ", tasks.CountBy(state => state).OrderBy(
                each => each.Key, StringComparer.Ordinal)
                .Select(each => $"{each.Value} {each.Key.ToLowerInvariant()}"));
            if (now != before)
                tell(before = now);
            cancel.WaitHandle.WaitOne(Poll);
        }
    }

    /// <summary>The state of each task that has not ended; none for jobs that Slurm has forgotten.</summary>
    private static string[] Queue(IReadOnlyList<string> jobs)
    {
        try
        {
            return Call(["squeue", "--noheader", "--array", "--format=%T", $"--jobs={string.Join(',', jobs)}"])
                .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        }
        catch (InputException error) when (error.Message.Contains("Invalid job id", StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }
    }

    private static string Call(IReadOnlyList<string> words)
    {
        var start = new ProcessStartInfo(words[0], words.Skip(1)) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0 ? output : throw new InputException(
                "a command of Slurm failed", string.Join(' ', words), error.GetAwaiter().GetResult().Trim(),
                remedy: "see what Slurm says");
        }
        catch (Win32Exception error)
        {
            throw new InputException(
                "a command of Slurm cannot be started", words[0], error.Message, "Slurm's commands on PATH",
                "run this where Slurm is, or print the scripts with --dry-run", error);
        }
    }
}
