using System.CommandLine;
using VaccineRef.Experiments.Lab;
using VaccineRef.Experiments.Recipes;

namespace VaccineRef.Cli.Commands;

/// <summary>vaccine lab: the paper's tables at a scale that anyone can run again.</summary>
internal static class LabCommand
{
    private const string Folder = "lab";

    public static Command Create()
    {
        var preset = new Option<string>("--preset")
        {
            Description = $"{LabPresets.Demo.Name}, {string.Join(", ", LabPresets.Known.Select(known => known.Name))}, or {LabPresets.All}.",
            HelpName = "NAME",
        };
        var recipe = new Option<string?>("--recipe")
        {
            Description = "A recipe in the place of a preset: its own model and data, its methods, p and n as the grid.",
            HelpName = "FILE",
        };
        var set = new Option<string[]>("--set") { Description = "Override a key of the recipe, as in lab.samples=[300].", HelpName = "KEY=VALUE" };
        var seeds = SeedOption.Create(5);
        var quick = new Option<bool>("--quick") { Description = "One seed, one attack, few steps: a look at the machinery." };
        var style = new Option<double>("--neutral-style")
        {
            Description = "Share of pre-training recipes that ask for a style which changes nothing.",
            HelpName = "SHARE",
        };
        var output = new Option<string?>("--out") { Description = $"Folder of the report; {Folder}/NAME by default.", HelpName = "DIR" };
        var cache = Cache();
        var where = new DeviceOptions();
        var command = new Command("lab", "Run a table of the paper as a grid of small experiments, and report it with its seeds.")
        { preset, recipe, set, seeds, quick, style, output, cache, LabRunner.Events };
        where.AddTo(command);
        command.Validators.Add(result =>
        {
            bool named = result.GetResult(recipe) is not null;
            if (named == result.GetResult(preset) is not null)
                result.AddError("lab takes either --preset or --recipe");
            if (named ? result.GetResult(style) is not null : result.GetResult(set) is not null)
                result.AddError(named ? "--neutral-style is of the synthetic world: leave it out with --recipe" : "--set is for --recipe");
        });
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            bool fast = parsed.GetValue(quick);
            var (settings, presets) = parsed.GetValue(recipe) is { } file
                ? OfRecipe(file, parsed.GetValue(set) ?? [])
                : (OfWorld(fast, parsed.GetResult(style) is null ? null : parsed.GetValue(style)), LabPresets.Named(parsed.GetValue(preset)!));
            var seedsOf = SeedOption.Of(parsed.GetRequiredValue(seeds));
            var grids = presets.Select(each => new LabGrid(each, seedsOf)).Select(grid => fast ? grid.Quick() : grid).ToArray();
            string folder = parsed.GetValue(output) ?? Folder;
            new LabRunner(where, parsed, parsed.GetRequiredValue(cache)).Run(
                settings, grids, grid => presets.Count > 1 || parsed.GetValue(output) is null ? Path.Combine(folder, grid.Preset.Name) : folder,
                alone: presets is [{ Name: "cost", Attacks: [] }], cancel);
            return ExitCode.Done;
        }));
        return command;
    }

    private static LabSettings OfWorld(bool fast, double? neutralStyle)
    {
        var settings = fast ? LabSettings.Quick : new LabSettings();
        if (neutralStyle is { } share)
            settings = settings with
            {
                Synthetic = settings.Synthetic! with { World = settings.Synthetic.World with { NeutralStyleShare = share } },
            };
        settings.Synthetic!.World.Validate();
        return settings;
    }

    private static (LabSettings, IReadOnlyList<LabPreset>) OfRecipe(string file, IReadOnlyList<string> set)
    {
        var lab = RecipeLab.Open(RecipeReader.Read(file, set), Path.GetDirectoryName(Path.GetFullPath(file))!);
        return (RecipeGrid.Settings(lab), [RecipeGrid.Of(lab)]);
    }

    /// <summary>Where finished cells are kept.</summary>
    public static Option<string> Cache() => new("--cache")
    {
        Description = "Folder of finished cells, which are not computed again.",
        DefaultValueFactory = _ => Path.Combine(Folder, "cache"),
        HelpName = "DIR",
    };
}
