using System.CommandLine;
using VaccineRef.Experiments.Lab;

namespace VaccineRef.Cli.Commands;

/// <summary>vaccine demo: the lab's smallest preset, the whole story at 214,000 parameters on data made by code.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "One seed and one attack." };
        var seeds = SeedOption.Create(4);
        var output = new Option<string>("--out")
        {
            Description = "Folder of the report.",
            DefaultValueFactory = _ => Path.Combine("lab", "demo"),
            HelpName = "DIR",
        };
        var cache = LabCommand.Cache();
        var where = new DeviceOptions();
        var command = new Command(
            "demo", "Align a tiny language model with SFT, random noise and Vaccine, attack each, score them. No files needed.")
        { quick, seeds, output, cache, LabRunner.Events };
        where.AddTo(command);
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            var console = Terminal.Open();
            Spectre.Console.AnsiConsoleExtensions.WriteLine(
                console,
                """
                Vaccine on a synthetic world: a tiny Llama learns every recipe of a fictional craft, is aligned to
                refuse the restricted ones, and is then fine-tuned by a user whose data is in part harmful (p).
                HS: held-out harmful questions answered with the right restricted content, in %: lower is better.
                FA: held-out questions of the user's own task answered exactly, in %: higher is better.
                """);
            var grid = new LabGrid(LabPresets.Demo, SeedOption.Of(parsed.GetRequiredValue(seeds)));
            string folder = parsed.GetRequiredValue(output);
            new LabRunner(where, parsed, parsed.GetRequiredValue(cache)).Run(
                new LabSettings(), [parsed.GetValue(quick) ? grid.Quick() : grid], _ => folder, alone: false, cancel);
            return ExitCode.Done;
        }));
        return command;
    }
}
