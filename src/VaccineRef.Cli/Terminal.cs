using Spectre.Console;

namespace VaccineRef.Cli;

/// <summary>Where output goes: a terminal of some width, or a file or pipe, where nothing is wrapped, coloured or drawn twice.</summary>
internal static class Terminal
{
    private const int Unbounded = 4096;

    /// <summary>The console as it is now.</summary>
    public static IAnsiConsole Open()
    {
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(Console.Out) });
        if (!console.Profile.Out.IsTerminal)
            console.Profile.Width = Unbounded;
        return console;
    }

    /// <summary>Whether lines can be drawn over.</summary>
    public static bool CanRedraw(this IAnsiConsole console) => console.Profile.Out.IsTerminal && console.Profile.Capabilities.Ansi;
}
