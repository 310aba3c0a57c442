using System.CommandLine;
using VaccineRef.Alignment.Lab;

namespace VaccineRef.Cli.Commands;

/// <summary>vaccine lab: the paper's tables at a scale that anyone can run again.</summary>
internal static class LabCommand
{
    private const string Folder = "lab";

    public static Command Create()
    {
        var preset = new Option<string>("--preset")
        {
            Description = $"{string.Join(", ", LabPresets.Known.Select(known => known.Name))}, or {LabPresets.All}.",
            Required = true,
            HelpName = "NAME",
        };
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
        { preset, seeds, quick, style, output, cache, LabRunner.Events };
        where.AddTo(command);
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var presets = LabPresets.Named(parsed.GetRequiredValue(preset));
            bool fast = parsed.GetValue(quick);
            var settings = fast ? LabSettings.Quick : new LabSettings();
            if (parsed.GetResult(style) is not null)
                settings = settings with { World = settings.World with { NeutralStyleShare = parsed.GetValue(style) } };
            settings.World.Validate();
            var grids = presets.Select(each => new LabGrid(each, SeedOption.Of(parsed.GetRequiredValue(seeds))))
                .Select(grid => fast ? grid.Quick() : grid).ToArray();
            string folder = parsed.GetValue(output) ?? Folder;
            new LabRunner(where, parsed, parsed.GetRequiredValue(cache)).Run(
                settings, grids, grid => presets.Count > 1 || parsed.GetValue(output) is null ? Path.Combine(folder, grid.Preset.Name) : folder,
                alone: presets is [{ Name: "cost" }], cancel);
            return ExitCode.Done;
        }));
        return command;
    }

    /// <summary>Where finished cells are kept.</summary>
    public static Option<string> Cache() => new("--cache")
    {
        Description = "Folder of finished cells, which are not computed again.",
        DefaultValueFactory = _ => Path.Combine(Folder, "cache"),
        HelpName = "DIR",
    };
}
