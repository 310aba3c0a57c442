using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace VaccineRef.Cli;

/// <summary>A command whose help ends with examples.</summary>
/// <param name="name">The command's name.</param>
/// <param name="description">What it does, in one sentence.</param>
/// <param name="examples">Command lines, each with what it is for.</param>
internal sealed class CommandWithExamples(string name, string description, params (string Line, string For)[] examples)
    : Command(name, description)
{
    /// <summary>Makes the help of a command line print the examples of the command that it is about.</summary>
    public static void ShowIn(RootCommand root)
    {
        foreach (var help in root.Options.OfType<HelpOption>())
            if (help.Action is SynchronousCommandLineAction standard)
                help.Action = new WithExamples(standard);
    }

    private sealed class WithExamples(SynchronousCommandLineAction standard) : SynchronousCommandLineAction
    {
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int code = standard.Invoke(parseResult);
            if (parseResult.CommandResult.Command is CommandWithExamples command)
                command.Write(parseResult.InvocationConfiguration.Output);
            return code;
        }
    }

    private void Write(TextWriter output)
    {
        output.WriteLine("Examples:");
        foreach (var (line, purpose) in examples)
            output.WriteLine($"  {line}{Environment.NewLine}      {purpose}");
        output.WriteLine();
    }
}
