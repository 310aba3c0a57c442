using System.CommandLine;
using System.Globalization;
using System.Numerics;
using Spectre.Console;
using VaccineRef.Training;
using VaccineRef.Experiments.Recipes;
using VaccineRef.Experiments.Runs;
using VaccineRef.Core;

namespace VaccineRef.Cli.Commands;

/// <summary>vaccine run: a recipe from a model folder to a report.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var recipe = new Argument<string>("recipe") { Description = "The recipe, a JSON file." };
        var set = new Option<string[]>("--set") { Description = "Override a key, as in alignment.method.rho=1.", HelpName = "KEY=VALUE" };
        var output = new Option<string?>("--output") { Description = "The run's folder, new or empty; runs/NAME by default.", HelpName = "DIR" };
        var where = new DeviceOptions();
        var command = new Command("run", "Align, attack and score a model as a recipe says.") { recipe, set, output };
        where.AddTo(command);
        command.SetAction(parsed => ExitCode.Of(cancel =>
        {
            string path = parsed.GetRequiredValue(recipe);
            var read = RecipeReader.Read(path, parsed.GetValue(set) ?? []);
            string folder = parsed.GetValue(output) ?? Path.Combine("runs", read.Name);
            string origin = Path.GetDirectoryName(Path.GetFullPath(path))!;
            using var device = where.Open(parsed);
            var console = Terminal.Open();
            RunReport? report = null;
            Display.While(console, show => report = read.Precision == Precision.Double
                ? Run<double>(read, origin, folder, device, show, cancel)
                : Run<float>(read, origin, folder, device, show, cancel));
            Tables.Write(console, RunTable.Header([report!]), RunTable.Rows([report!]));
            console.WriteLine($"{(report!.Interrupted ? "Interrupted; what was done" : "Everything")} is in {folder}.");
            return ExitCode.Done;
        }));
        return command;
    }

    private static RunReport Run<T>(
        Recipe recipe, string origin, string folder, Device device, Action<Progressed> show, CancellationToken cancel)
        where T : unmanaged, IFloatingPointIeee754<T> =>
        new Experiment<T>(recipe, origin, device, at => show(new(at.Stage, Detail(at.Step), at.Step?.Step ?? 0, at.Steps)))
            .Run(folder, cancel);

    private static string Detail(StepRecord? step) => step is null ? "" : string.Create(
        CultureInfo.InvariantCulture,
        $"loss {step.Loss:F4}, |g| {step.GradientNorm:F2}, {step.Tokens / step.Seconds:F0} tok/s");
}
