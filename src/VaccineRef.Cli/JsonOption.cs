using System.CommandLine;
using VaccineRef.Models;

namespace VaccineRef.Cli;

/// <summary>
/// The option --json, which means the same in every command that has it: alone, JSON is printed in the place of tables;
/// with a file, JSON is written there too.
/// </summary>
internal sealed class JsonOption
{
    /// <summary>The option, to be added to a command.</summary>
    public Option<string?> Option { get; } = new("--json")
    {
        Description = "Print JSON in the place of tables; or, with a file, write JSON there too.",
        HelpName = "FILE",
        Arity = ArgumentArity.ZeroOrOne,
    };

    /// <summary>Whether JSON is printed in the place of tables.</summary>
    public bool Prints(ParseResult parsed) => parsed.GetResult(Option) is { Implicit: false } && File(parsed) is null;

    /// <summary>The file to write; null for none.</summary>
    public string? File(ParseResult parsed) => parsed.GetValue(Option);

    /// <summary>Prints or writes JSON as asked.</summary>
    public void Write(ParseResult parsed, Func<string> json)
    {
        if (File(parsed) is { } path)
            AtomicFile.WriteText(path, json() + "\n");
        else if (Prints(parsed))
            Console.Out.WriteLine(json());
    }
}
