using Spectre.Console;

namespace VaccineRef.Cli;

/// <summary>
/// The place where output goes. It is either a terminal of some width, or a file or pipe, in which nothing is wrapped,
/// coloured or drawn twice.
/// </summary>
internal static class Terminal
{
    private const int Unbounded = 4096;

    /// <summary>Opens the console and finds out what it can do.</summary>
    public static IAnsiConsole Open()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Out) });
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = Unbounded;
        return console;
    }

    /// <summary>Whether lines that were drawn can be drawn over.</summary>
    public static bool CanRedraw(this IAnsiConsole console) =>
        console.Profile.Out.IsTerminal && console.Profile.Capabilities.Ansi;
}
