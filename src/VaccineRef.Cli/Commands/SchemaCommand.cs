using System.CommandLine;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Models;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine schema: the JSON Schema of recipes, by which editors complete and check them.</summary>
internal static class SchemaCommand
{
    public static Command Create()
    {
        var output = new Option<string?>("--out")
        {
            Description = $"Write {RecipeSchema.FileName} into this folder instead of printing it.",
            HelpName = "DIR",
        };
        var command = new Command("schema", "Print the JSON Schema of recipes, by which editors complete and check them.") { output };
        command.AddExamples("vaccine schema > recipe.schema.json", "vaccine schema --out my-recipes");
        command.SetAction(parsed => ExitCode.Of(_ =>
        {
            if (parsed.GetValue(output) is { } folder)
                AtomicFile.WriteText(Path.Combine(folder, RecipeSchema.FileName), RecipeSchema.Text);
            else
                Console.Out.Write(RecipeSchema.Text);
            return ExitCode.Done;
        }));
        return command;
    }
}
