using System.CommandLine;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine completion: prints what a shell needs in order to complete this program's commands, options and
/// values. The shell asks the program itself, through the directive [suggest] of System.CommandLine.
/// </summary>
internal static class CompletionCommand
{
    private const string Script =
        """
        _vaccine() {
          local IFS=$'\n'
          local found="$(vaccine "[suggest:$COMP_POINT]" "$COMP_LINE" 2>/dev/null)"
          COMPREPLY=($(compgen -W "$found" -- "${COMP_WORDS[COMP_CWORD]}"))
        }
        complete -o default -F _vaccine vaccine
        """;

    public static Command Create()
    {
        var command = new Command(
            "completion",
            "Print what bash and zsh need in order to complete this program's commands, options and values.");
        command.AddExamples(
            "eval \"$(vaccine completion)\"",
            "autoload -U bashcompinit && bashcompinit && eval \"$(vaccine completion)\"");
        command.SetAction(_ =>
        {
            Console.Out.WriteLine(Script.ReplaceLineEndings("\n"));
            return ExitCode.Done;
        });
        return command;
    }
}
