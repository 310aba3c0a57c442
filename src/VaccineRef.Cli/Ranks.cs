using System.CommandLine;
using VaccineRef.Mpi;

namespace VaccineRef.Cli;

/// <summary>What a process does that an MPI launcher started among others: rank 0 speaks for all.</summary>
internal static class Ranks
{
    // Commands that a launcher may start several times on purpose: workers with a slice each, and those that only look.
    private static readonly string[] Independent = ["work", "devices", "schema", "completion"];

    /// <summary>
    /// Lets rank 0 alone print, for a command that divides its work; and says why a command cannot be started like
    /// this, null if it can.
    /// </summary>
    public static string? Begin(Command command, MpiLaunch launch)
    {
        if (command is RootCommand || Independent.Contains(command.Name))
            return null;
        if (launch.Rank > 0)
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(TextWriter.Null);
        }

        return command.Name == "run" ? null : string.Join(
            Environment.NewLine, $"the command {command.Name} does not divide its work among processes",
            $"  found:    {launch.Size} processes, started together",
            "  expected: one process",
            "  remedy:   start it without mpirun; vaccine run divides the steps of a recipe");
    }

    /// <summary>Prints something from whatever rank.</summary>
    public static void Say(string text)
    {
        using var own = new StreamWriter(Console.OpenStandardError());
        own.WriteLine(text);
    }
}
