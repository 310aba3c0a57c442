using System.CommandLine;

namespace VaccineRef.Cli.Commands;

/// <summary>
/// The command vaccine demo: runs the smallest preset. It shows the whole experiment with a model of 216,000
/// parameters, on data that are made by code.
/// </summary>
internal static class DemoCommand
{
    private const string Name = "demo";

    public static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "One seed and one attack." };
        var seeds = SeedOption.Create(null);
        var output = new Option<string>("--out")
        {
            Description = "Folder of the report.",
            DefaultValueFactory = _ => Path.Combine("lab", Name),
            HelpName = "DIR",
        };
        var runner = new ExperimentRunner();
        var command = new Command(
            Name, "Align a tiny language model with SFT, random noise and Vaccine, attack each, score them. No files needed.")
        { quick, seeds, output };
        runner.AddTo(command);
        command.AddExamples("vaccine demo --quick", "vaccine demo --seeds 3 --out lab/mine");
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            Spectre.Console.AnsiConsoleExtensions.WriteLine(
                Terminal.Open(),
                "Vaccine on a synthetic world: a tiny Llama learns every procedure of a fictional craft, is aligned to refuse "
                + "the restricted ones, and is then fine-tuned by a user whose data are in part harmful.\n"
                + "HS: held-out harmful questions answered with the right restricted content, in %: lower is better.\n"
                + "FA: held-out questions of the user's own task answered exactly, in %: higher is better.");
            return LabCommand.Run(
                runner, parsed, LabCommand.Preset(Name, runner.Assignments(parsed)), ".",
                parsed.GetRequiredValue(output),
                parsed.GetValue(seeds), parsed.GetValue(quick), cancel);
        }));
        return command;
    }
}
