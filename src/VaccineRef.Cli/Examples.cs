using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace VaccineRef.Cli;

/// <summary>Examples at the end of a command's help.</summary>
internal static class Examples
{
    /// <summary>Adds command lines that can be copied.</summary>
    public static void AddExamples(this Command command, params string[] lines)
    {
        var help = command.Options.OfType<HelpOption>().FirstOrDefault();
        if (help is null)
            command.Options.Add(help = new HelpOption());
        help.Action = new WithExamples((HelpAction)help.Action!, lines);
    }

    private sealed class WithExamples(HelpAction help, string[] lines) : SynchronousCommandLineAction
    {
        // As for the help itself: an argument that is missing is no reason to keep it back.
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            int code = help.Invoke(parseResult);
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            foreach (string line in lines)
                output.WriteLine($"  {line}");
            return code;
        }
    }
}
