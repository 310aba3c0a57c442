using System.Globalization;
using VaccineRef.Core;

namespace VaccineRef.Cli;

/// <summary>
/// How many files a process may have open. The program and its libraries take about a hundred, one after the other;
/// where they are not allowed, the runtime fails somewhere in the middle and says that a file is missing. So this is
/// looked at first.
/// </summary>
internal static class OpenFileLimit
{
    private const string Limits = "/proc/self/limits", Row = "Max open files";
    private const int Least = 128;

    /// <summary>
    /// What is wrong with the limit of this process; null if nothing is, or if the system does not say.
    /// </summary>
    public static string? Problem()
    {
        if (!File.Exists(Limits))
            return null;
        foreach (string line in File.ReadAllLines(Limits))
        {
            if (!line.StartsWith(Row, StringComparison.Ordinal))
                continue;
            string first = line[Row.Length..].TrimStart().Split(' ')[0];
            return int.TryParse(first, CultureInfo.InvariantCulture, out int allowed) && allowed < Least
                ? new InputException(
                    "too few files may be open at once", "the limits of this process", $"{allowed} may be open",
                    $"at least {Least}",
                    "raise the limit in the shell that starts the program (ulimit -n 1024)").Message
                : null;
        }

        return null;
    }
}
