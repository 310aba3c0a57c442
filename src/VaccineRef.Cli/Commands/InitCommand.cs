using System.CommandLine;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine init: prints a recipe to start from.</summary>
internal static class InitCommand
{
    public static Command Create()
    {
        var preset = new Option<string>("--preset")
        {
            Description = $"The recipe: {string.Join(", ", Presets.Names)}.",
            DefaultValueFactory = _ => "demo",
            HelpName = "NAME",
        };
        preset.CompletionSources.Add([.. Presets.Names]);
        var command = new Command("init", "Print a recipe to start from: vaccine init --preset harmful-ratio > mine.json.") { preset };
        command.SetAction(parsed => ExitCode.Of(_ =>
        {
            Console.Out.Write(Presets.Text(parsed.GetRequiredValue(preset)));
            return ExitCode.Done;
        }));
        return command;
    }
}
