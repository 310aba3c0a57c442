using System.CommandLine;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli;

/// <summary>What is wrong with a command line, and what was probably meant.</summary>
internal static class WrongWords
{
    // Names that options had once, and their names today.
    private static readonly Dictionary<string, string> Former = new()
    {
        ["--output"] = "--out",
    };

    /// <summary>
    /// A message for each error. What follows a word that nobody knows is not spoken of: it was that word's value.
    /// </summary>
    public static IEnumerable<string> In(ParseResult parsed)
    {
        string[] unknown = [.. parsed.UnmatchedTokens.Where(word => word.StartsWith('-'))];
        if (unknown.Length == 0)
            unknown = [.. parsed.UnmatchedTokens.Take(1)];
        return unknown.Length > 0
            ? unknown.Select(word => Unknown(parsed.CommandResult.Command, word))
            : parsed.Errors.Select(error => error.Message);
    }

    private static string Unknown(Command command, string word)
    {
        string name = word.Split('=', ':')[0];
        string[] options = [.. command.Options.Select(option => option.Name)];
        if (Former.TryGetValue(name, out string? today) && options.Contains(today))
            return $"{name} is called {today}";
        string[] known = name.StartsWith('-') ? options : [.. command.Subcommands.Select(each => each.Name)];
        string what = name.StartsWith('-') ? "option" : known.Length > 0 ? "command" : "word";
        return $"{command.Name} knows no {what} {name}{(Nearest.DidYouMean(name, known) is { } meant ? $"; {meant}" : "")}";
    }
}
