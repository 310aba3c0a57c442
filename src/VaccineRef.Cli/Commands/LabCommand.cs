using System.CommandLine;
using System.CommandLine.Parsing;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine lab: reproduces the paper's tables at a scale that anyone can run. Each table is a recipe that
/// the program contains.
/// </summary>
internal static class LabCommand
{
    private const string Folder = "lab", All = "all", Demo = "demo";

    public static Command Create()
    {
        var preset = new Option<string?>("--preset") { Description = $"{string.Join(", ", Presets.Names)}; or {All}, for all but {Demo}.", HelpName = "NAME" };
        var recipe = new Option<string?>("--recipe") { Description = "A recipe file in the place of a preset.", HelpName = "FILE" };
        var seeds = SeedOption.Create(null);
        var quick = new Option<bool>("--quick") { Description = "One seed and one attack, with all its steps." };
        var output = new Option<string?>("--out") { Description = $"Folder of the report; {Folder}/NAME by default.", HelpName = "DIR" };
        var runner = new ExperimentRunner();
        var command = new Command("lab", "Run a table of the paper as a grid of small experiments, and report it with its seeds.")
        { preset, recipe, seeds, quick, output };
        foreach (var each in (Command[])[LabPlanCommand.Create(), LabWorkCommand.Create(), LabReportCommand.Create(),
            LabSlurmCommand.Create()])
            command.Subcommands.Add(Alone(each));
        runner.AddTo(command);
        command.Validators.Add(result =>
        {
            if (result.GetResult(recipe) is not null == result.GetResult(preset) is not null)
                result.AddError("lab takes either --preset or --recipe");
        });
        command.AddExamples("vaccine lab --preset rho", "vaccine lab --recipe mine.json --seeds 10-17 --threads 4");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var assignments = runner.Assignments(parsed);
            var read = parsed.GetValue(recipe) is { } file
                ? [(Recipe: RecipeFormat.Standard.Read(file, assignments),
                    Origin: Path.GetDirectoryName(Path.GetFullPath(file))!)]
                : Named(parsed.GetValue(preset)!).Select(name => (Recipe: Preset(name, assignments), Origin: "."))
                    .ToArray();
            int code = ExitCode.Done;
            foreach (var (each, origin) in read)
            {
                string? asked = parsed.GetValue(output);
                string folder = asked is null || read.Length > 1 ? Path.Combine(asked ?? Folder, each.Name) : asked;
                code = Math.Max(
                    code, Run(
                        runner, parsed, each, origin, folder, parsed.GetValue(seeds), parsed.GetValue(quick), cancel));
            }

            return code;
        }));
        return command;
    }

    /// <summary>A command that lab has: options of lab itself, which stand before it, would mean nothing.</summary>
    private static Command Alone(Command command)
    {
        command.Validators.Add(result =>
        {
            if ((result.Parent as CommandResult)?.Children.OfType<OptionResult>()
                .FirstOrDefault(each => !each.Implicit) is { } stray)
                result.AddError(
                    $"{stray.Option.Name} stands before {command.Name}; an option of {command.Name} stands behind it");
        });
        return command;
    }

    /// <summary>Runs a recipe, if wanted with other seeds or in its shortest form.</summary>
    internal static int Run(
        ExperimentRunner runner, ParseResult parsed, Recipe recipe, string origin, string folder, string? seeds,
        bool quick,
        CancellationToken cancel)
    {
        var grid = new ExperimentGrid(recipe, RecipeFormat.Standard);
        if (seeds is not null)
            grid = grid.With(SeedOption.Of(seeds));
        return runner.Run(parsed, quick ? grid.Quick() : grid, origin, folder, cancel);
    }

    /// <summary>Reads a preset, and sets the given values in it.</summary>
    internal static Recipe Preset(string name, IReadOnlyList<string> assignments) =>
        RecipeFormat.Standard.Parse(Presets.Text(name), name, assignments);

    private static IEnumerable<string> Named(string name) =>
        name == All ? Presets.Names.Where(each => each != Demo) : [name];
}
