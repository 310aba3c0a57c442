using System.CommandLine;
using VaccineRef.Core;
using VaccineRef.Experiments.Grid;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli;

/// <summary>The recipe that a command takes, and the options that change it: --set, --seeds and --quick.</summary>
internal sealed class RecipeSelection
{
    private readonly Argument<string> _recipe =
        new("recipe") { Description = "The recipe, a JSON file; or the name of a preset." };

    private readonly Option<string?> _seeds = SeedOption.Create(null);

    private readonly Option<string[]> _set = ExperimentRunner.Setting();

    private readonly Option<bool> _quick =
        new("--quick") { Description = "One seed and one attack of a grid, with all its steps." };

    /// <summary>Adds the argument and the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Arguments.Add(_recipe);
        foreach (var option in (Option[])[_seeds, _set, _quick])
            command.Options.Add(option);
    }

    /// <summary>
    /// The grid, and the folder that its paths are relative to. A recipe of one run is a grid of one trial.
    /// </summary>
    /// <exception cref="InputException">The recipe cannot be read, or is wrong.</exception>
    public (ExperimentGrid Grid, string Origin) Read(ParseResult parsed)
    {
        string recipe = parsed.GetRequiredValue(_recipe), origin = ".";
        string[] set = parsed.GetValue(_set) ?? [];
        bool isPreset = !File.Exists(recipe) && Presets.Names.Contains(recipe);
        if (!isPreset)
            origin = Path.GetDirectoryName(Path.GetFullPath(recipe))!;
        var grid = new ExperimentGrid(
            isPreset ? Commands.LabCommand.Preset(recipe, set) : RecipeFormat.Standard.Read(recipe, set),
            RecipeFormat.Standard);
        if (parsed.GetValue(_seeds) is { } given)
            grid = grid.With(SeedOption.Of(given));
        return (parsed.GetValue(_quick) ? grid.Quick() : grid, origin);
    }
}
