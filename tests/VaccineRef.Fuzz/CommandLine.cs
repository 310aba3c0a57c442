using System.CommandLine;
using VaccineRef.Core;

namespace VaccineRef.Fuzz;

/// <summary>The command line, as somebody uses it, in this process.</summary>
internal static class CommandLine
{
    private const int WrongInput = 2;

    // making them takes longer than most readings
    private static readonly RootCommand Commands = Cli.Program.Commands();

    /// <summary>Runs a command.</summary>
    /// <exception cref="InputException">It refused its input.</exception>
    /// <exception cref="UnexpectedEndException">It ended as it never should.</exception>
    public static void Run(params string[] words)
    {
        using StringWriter said = new(), complained = new();
        var (output, error) = (Console.Out, Console.Error);
        int code;
        try
        {
            Console.SetOut(said);
            Console.SetError(complained);
            code = Cli.Program.Run(Commands, words);
        }
        finally
        {
            Console.SetOut(output);
            Console.SetError(error);
        }

        // 1 says that something was run and failed, which altered numbers may well lead to
        string text = complained.ToString();
        if (code is < 0 or > WrongInput || text.Contains("should not have happened", StringComparison.Ordinal)
            || text.Contains("out of memory", StringComparison.Ordinal))
            throw new UnexpectedEndException($"exit code {code}: {text}");
        if (code == WrongInput)
            throw new InputException(text);
    }
}

/// <summary>The program ended otherwise than it promises.</summary>
public sealed class UnexpectedEndException(string message) : Exception(message);
