using System.CommandLine;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli.Commands;

/// <summary>The command vaccine run: runs a recipe, from its model to a report.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var recipe = new Argument<string>("recipe") { Description = "The recipe, a JSON file." };
        var seeds = SeedOption.Create(null);
        var quick =
            new Option<bool>("--quick") { Description = "One seed and one attack of a grid, with all its steps." };
        var output = new Option<string?>("--out") { Description = "The run's folder, new or empty; runs/NAME by default.", HelpName = "DIR" };
        var runner = new ExperimentRunner();
        var command =
            new Command("run", "Align, attack and score a model as a recipe says.") { recipe, seeds, quick, output };
        var mpi = new MpiOptions();
        runner.AddTo(command);
        mpi.AddTo(command);
        command.AddExamples(
            "vaccine run mine.json", "vaccine run mine.json --set align.rule.rho=1 --seeds 5 --out runs/rho-1");
        command.SetAction(parsed => ExitCode.Of(cancel => mpi.Run(parsed, ranks =>
        {
            string path = parsed.GetRequiredValue(recipe);
            var grid = new ExperimentGrid(
                RecipeFormat.Standard.Read(path, runner.Assignments(parsed)), RecipeFormat.Standard);
            if (parsed.GetValue(seeds) is { } given)
                grid = grid.With(SeedOption.Of(given));
            if (parsed.GetValue(quick))
                grid = grid.Quick();
            string folder = parsed.GetValue(output) ?? Path.Combine("runs", grid.Recipe.Name);
            return runner.Run(parsed, grid, Path.GetDirectoryName(Path.GetFullPath(path))!, folder, cancel, ranks);
        })));
        return command;
    }
}
